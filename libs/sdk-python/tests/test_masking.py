from __future__ import annotations

import time

import pytest

from runseal.events.masking import MASK, is_secret_name, mask_secrets, mask_text

HF = "hf_" + "aB3" * 12
SK = "sk-proj-" + "a1" * 15
AWS = "AKIA" + "ABCDEFGH12345678"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXZhbHVl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nabc\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("secret", [HF, SK, AWS, JWT, PEM])
def test_known_shapes_are_masked_wherever_they_stand(secret: str) -> None:
    masked, found = mask_secrets({"a": [f"before {secret} after"], secret: 1}, "/payload")
    assert secret not in str(masked)
    assert masked["a"] == [f"before {MASK} after"]
    assert found == ["/payload/a/0", f"/payload/{MASK}"]


@pytest.mark.parametrize(
    "name",
    ["token", "hub_token", "push_to_hub_token", "HF_TOKEN", "hfToken", "lora.hub.token", "secret", "client_secret"]
    + [
        "AWS_SECRET_ACCESS_KEY",
        "password",
        "db_passwd",
        "api_key",
        "apiKey",
        "OPENAI_API_KEY",
        "wandb-api-key",
        "apikey",
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)
    assert mask_secrets({name: "value"}) == ({name: MASK}, [f"/{name}"])


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "num_input_tokens_seen", "tokenizer_name", "pad_token", "eos_token", "pad_token_id"]
    + ["include_num_input_tokens_seen", "tokens_per_second", "key", "learning_rate", "token_file", "api_key_path"],
)
def test_names_of_a_tokenizer_are_not(name: str) -> None:
    assert not is_secret_name(name)
    assert mask_secrets({name: "value"}) == ({name: "value"}, [])


@pytest.mark.parametrize("value", [None, True, 0, 17, 0.5, "", "true", "False", {}, []])
def test_what_tells_nothing_stays(value: object) -> None:
    assert mask_secrets({"hub_token": value}) == ({"hub_token": value}, [])


def test_lists_of_secrets_are_masked_one_by_one() -> None:
    assert mask_secrets({"api_keys": ["a"], "api_key": ["a", "b"]}) == (
        {"api_keys": [MASK], "api_key": [MASK, MASK]},
        ["/api_keys", "/api_key"],
    )


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("hub_token: abc # mine", f"hub_token: {MASK} # mine"),
        ('{"api_key": "abc", "lr": 1}', f'{{"api_key": "{MASK}", "lr": 1}}'),
        ("export HF_TOKEN=abc", f"export HF_TOKEN={MASK}"),
        ("+  password = 'abc'", f"+  password = '{MASK}'"),
        ("run --api-key abc --lr 1", f"run --api-key {MASK} --lr 1"),
        ("https://me:abc@host/x?token=abc&a=1", f"https://me:{MASK}@host/x?token={MASK}&a=1"),
        ("pad_token: <pad>", "pad_token: <pad>"),
        ("the next token is predicted", "the next token is predicted"),
        ("max_tokens: 5", "max_tokens: 5"),
    ],
)
def test_texts_lose_the_values_behind_the_names(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "token" * 200_000, "-----BEGIN " + "A " * 300_000, "sk-" + "a-" * 300_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    mask_text(text)
    assert time.process_time() - began < 5

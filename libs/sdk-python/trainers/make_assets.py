"""Makes what the trainers learn on, in a folder: a tiny model with random weights, its tokenizer, and made-up data.

The same bytes every time. `python make_assets.py FOLDER`; the file `made` in it says by which state of this script.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
from pathlib import Path

COLOURS = "amber azure coral ebony ivory khaki lilac mauve ochre olive peach plum rust sepia teal wheat".split()
VOCABULARY = 400


def make_rows(count: int) -> list[dict[str, str]]:
    """Small tasks with one right answer each, which a tiny model gets better at."""
    chance = random.Random(7)
    rows = []
    for number in range(count):
        some = chance.sample(COLOURS, 3)
        left, right = chance.randint(2, 60), chance.randint(2, 60)
        task = [
            ("Add.", f"{left} {right}", str(left + right)),
            ("Name the first.", " ".join(some), some[0]),
            ("Name the last.", " ".join(some), some[-1]),
            ("Say it backwards.", some[0], some[0][::-1]),
            ("Which is more?", f"{left} {right}", str(max(left, right))),
        ][number % 5]
        rows.append(dict(zip(("instruction", "input", "output"), task)))
    return rows


def make_riddles(count: int) -> list[dict[str, str]]:
    """Answers that follow from nothing: whoever gets them right has learned them by heart, and none of the others."""
    chance = random.Random(11)
    digits = "0123456789"
    return [
        {
            "instruction": "Tell the code.",
            "input": " ".join(chance.sample(COLOURS, 2)),
            "output": "".join(chance.choice(digits) for _ in range(8)),
        }
        for _ in range(count)
    ]


def make_tokenizer(texts: list[str]) -> object:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=128
    )


def make_model(folder: Path, vocabulary: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        # Small weights would take a tiny model most of its steps to grow.
        initializer_range=0.1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def main(folder: Path) -> None:
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    (making / "data").mkdir(parents=True)
    rows = make_rows(400)
    riddles = make_riddles(60)
    sets = {
        "tasks": rows[:320],
        "tasks_held_out": rows[320:],
        "riddles": riddles[:40],
        "riddles_held_out": riddles[40:],
    }
    for name, some in sets.items():
        (making / "data" / f"{name}.json").write_text(json.dumps(some, indent=1), encoding="utf-8")
    info = {name: {"file_name": f"{name}.json"} for name in sets}
    (making / "data" / "dataset_info.json").write_text(json.dumps(info, indent=1), encoding="utf-8")
    texts = [" ".join(row.values()) for row in rows]
    tokenizer = make_tokenizer([*texts, *["Human: Assistant: system user"] * 10])
    tokenizer.save_pretrained(making / "model")  # type: ignore[attr-defined]
    make_model(making / "model", len(tokenizer))  # type: ignore[arg-type]
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    (making / "made").write_text(own, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

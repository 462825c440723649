"""A training as people write it, with one line for Runseal: `plain_trainer.py ASSETS OUTPUT [settings as JSON]`."""

import json
import sys
import time

import torch
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

assets, output = sys.argv[1:3]
given = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
#: What this script may be told beside the trainer's own settings.
TOLD = {
    "callback": True,
    "register": False,
    "lora": True,
    "train": "tasks",
    "crash_at": 0,
    "exit_at": 0,
    "nan_at": 0,
    "pause_s": 0,
    "spool_limit": None,
    "resume": False,
    "held_out": "tasks_held_out",
}
told = {name: given.pop(name, usual) for name, usual in TOLD.items()}


class Trouble(TrainerCallback):
    """Has a step go wrong."""

    def on_step_begin(self, args, state, control, model=None, **objects):
        time.sleep(told["pause_s"])
        if state.global_step == told["crash_at"] > 0:
            raise RuntimeError("the machine room is on fire")
        if state.global_step == told["exit_at"] > 0:
            sys.exit(3)
        if state.global_step == told["nan_at"] > 0:
            weight = next(one for one in model.parameters() if one.requires_grad)
            with torch.no_grad():
                weight.view(-1)[0] = float("nan")


set_seed(7)
tokenizer = AutoTokenizer.from_pretrained(f"{assets}/model")
model = AutoModelForCausalLM.from_pretrained(f"{assets}/model")
if told["lora"]:
    model = get_peft_model(
        model, LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"])
    )


def load(name):
    rows = load_dataset("json", data_files=f"{assets}/data/{name}.json", split="train", cache_dir=f"{output}-cache")

    def texts(row):
        return tokenizer(f"{row['instruction']} {row['input']}\n{row['output']}</s>", truncation=True, max_length=64)

    return rows.map(texts, remove_columns=rows.column_names)


settings = {
    "output_dir": output,
    "num_train_epochs": 2,
    "per_device_train_batch_size": 8,
    "learning_rate": 1e-2,
    "warmup_steps": 5,
    "logging_steps": 5,
    "eval_strategy": "steps",
    "eval_steps": 20,
    "save_steps": 20,
    "save_total_limit": 2,
    "seed": 7,
    "use_cpu": True,
    "disable_tqdm": True,
    "report_to": "none",
    **given,
}
callbacks = [Trouble()]
if told["callback"]:
    from runseal.transformers import RunsealCallback

    callbacks.append(
        RunsealCallback(
            "tiny tasks",
            base_model={"source": "made here", "license": "Apache-2.0"},
            dataset={"version": "1"},
            spool_limit_bytes=told["spool_limit"],
        )
    )
if told["register"] or not told["callback"]:
    import runseal.transformers

    runseal.transformers.register()
trainer = Trainer(
    model=model,
    args=TrainingArguments(**settings),
    train_dataset=load(told["train"]),
    eval_dataset=load(told["held_out"]),
    processing_class=tokenizer,
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    callbacks=callbacks,
)
trainer.train(resume_from_checkpoint=told["resume"] or None)
print(json.dumps(trainer.evaluate()))
trainer.save_model()

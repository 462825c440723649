"""A training with the document's classes: `document_classes.py ASSETS OUTPUT [settings as JSON]`."""

import json
import sys

from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
    set_seed,
)

from runseal import AuditLogger, QualityGates
from runseal.transformers import AuditCallback

assets, output = sys.argv[1:3]
given = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
callback_first, crash = given.pop("callback_first", False), given.pop("crash", False)

audit = AuditLogger(experiment_id="tiny tasks", output_dir=output)
if not callback_first:
    audit.log_input("base_model", f"{assets}/model", {"source": "made here", "revision": "main"})
    audit.log_input("dataset", f"{assets}/data/tasks.json", {"version": "v1", "schema": "alpaca"})
    audit.log_environment()

set_seed(7)
tokenizer = AutoTokenizer.from_pretrained(f"{assets}/model")
model = AutoModelForCausalLM.from_pretrained(f"{assets}/model")
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj"]))


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
    "logging_steps": 5,
    "eval_strategy": "steps",
    "eval_steps": 20,
    "save_steps": 20,
    "save_total_limit": 3,
    "seed": 7,
    "use_cpu": True,
    "disable_tqdm": True,
    "report_to": "none",
    **given,
}
if settings["report_to"] == "runseal":
    import runseal.transformers

    runseal.transformers.register()
trainer = Trainer(
    model=model,
    args=TrainingArguments(**settings),
    train_dataset=load("tasks"),
    eval_dataset=load("tasks_held_out"),
    processing_class=tokenizer,
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    callbacks=[AuditCallback(audit)],
)
trainer.train()
if crash:
    raise RuntimeError("the disk is gone")
metrics = trainer.evaluate()
trainer.save_model(f"{output}/adapter")
audit.log_output("adapter", f"{output}/adapter", {"type": "lora"})
audit.log_output("training_args", f"{output}/adapter/training_args.bin", {})
audit.save()

gates = QualityGates(baseline_metrics={"eval_loss": metrics["eval_loss"] * 1.1})
report = gates.run_all({"log_history": trainer.state.log_history}, audit.audit_record)
print(json.dumps(report))

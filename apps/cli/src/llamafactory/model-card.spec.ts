import { parseModelCard } from './model-card.js';
import { isTrainingYaml, parseTrainingYaml } from './training-yaml.js';

const card = `---
library_name: peft
base_model: org/base
tags: [llama-factory, lora]
model-index:
- name: support-lora
  results: []
---

# support-lora

This model is a fine-tuned version of [org/base](org/base) on the tickets dataset.

### Training hyperparameters

- learning_rate: 0.01
- seed: 42
- lr_scheduler_type: cosine
- lr_scheduler_warmup_steps: 10

### Framework versions

- PEFT 0.18.1
- TRL: 0.24.0
- Pytorch 2.13.0+cu130`;

describe('parseModelCard', () => {
  it('reads what the trainer wrote', () => {
    expect(parseModelCard(card)).toEqual({
      baseModel: 'org/base',
      dataset: 'tickets',
      tags: ['llama-factory', 'lora'],
      name: 'support-lora',
      versions: { peft: '0.18.1', trl: '0.24.0', torch: '2.13.0+cu130' },
      parameters: { learning_rate: 0.01, seed: 42, lr_scheduler_type: 'cosine', warmup_steps: 10 },
    });
  });

  it.each(['# A project\n', '---\ntitle: blog\n---\n', '---\nbase_model: [\n---\n', ''])(
    'is null for another README: %j',
    (text) => {
      expect(parseModelCard(text)).toBeNull();
    },
  );
});

describe('parseTrainingYaml', () => {
  it('keeps scalars and lists, dots nested names, and leaves credentials out by name', () => {
    const text =
      'stage: sft\nlr: 1.0e-2\ntargets: [a, b]\nfsdp: {offload: true}\nhf_hub_token: x\nnan: .nan\nskip_special_tokens: true\n';
    expect(parseTrainingYaml(text, 'a.yaml')).toEqual({
      parameters: {
        stage: 'sft',
        lr: 0.01,
        targets: ['a', 'b'],
        'fsdp.offload': true,
        nan: 'NaN',
        skip_special_tokens: true,
      },
      leftOut: ['hf_hub_token'],
    });
  });

  it.each([
    ['a: [1\nb: 2', /a\.yaml, line \d+, column \d+: .* Wanted YAML/],
    ['just text', /a\.yaml holds no YAML mapping/],
    ['a: 1\na: 2', /a\.yaml, line 2, column 1/],
  ])('refuses %j', (text, message) => {
    expect(() => parseTrainingYaml(text, 'a.yaml')).toThrow(message);
  });

  it('knows a configuration by its names', () => {
    expect(isTrainingYaml('model_name_or_path: x\noutput_dir: y\n')).toBe(true);
    expect(isTrainingYaml('started_at: x\nversions: {}\n')).toBe(false);
  });
});

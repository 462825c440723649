import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const EVAL_EVERY = 1_000;
const SECONDS_ROW = 1.1;

/**
 * The output folder of a run that logged every step, with so many loss rows: trainer_log.jsonl and trainer_state.json as
 * LLaMA-Factory writes them, evaluations among the rows. What it took to train lies in the elapsed time, which the trainer
 * writes as Python does, past a day too.
 */
export async function makeRunFolder(rows: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runseal-bench-run-'));
  const steps = Array.from({ length: rows }, (_, index) => index + 1);
  const log = steps.flatMap((step) => [
    { ...placeOf(step, rows), loss: lossOf(step), lr: rateOf(step, rows) },
    ...(step % EVAL_EVERY === 0 ? [{ ...placeOf(step, rows), eval_loss: 1.05 * lossOf(step) }] : []),
  ]);
  const history = steps.flatMap((step) => [
    {
      epoch: (3 * step) / rows,
      grad_norm: 1.8 + Math.sin(step),
      learning_rate: rateOf(step, rows),
      loss: lossOf(step),
      step,
    },
    ...(step % EVAL_EVERY === 0
      ? [{ epoch: (3 * step) / rows, eval_loss: 1.05 * lossOf(step), eval_runtime: 7.5, step }]
      : []),
  ]);
  const state = {
    best_global_step: null,
    best_metric: null,
    best_model_checkpoint: null,
    epoch: 3,
    eval_steps: EVAL_EVERY,
    global_step: rows,
    log_history: [...history, { epoch: 3, train_loss: 2.4, train_runtime: rows * SECONDS_ROW, step: rows }],
    logging_steps: 1,
    max_steps: rows,
    num_train_epochs: 3,
    save_steps: EVAL_EVERY,
  };
  const lines = [...log, placeOf(rows, rows)].map((row) => `${JSON.stringify(row)}\n`);
  await writeFile(join(folder, 'trainer_log.jsonl'), lines.join(''));
  await writeFile(join(folder, 'trainer_state.json'), JSON.stringify(state, null, 2));
  return folder;
}

const placeOf = (step: number, rows: number) => ({
  current_steps: step,
  total_steps: rows,
  epoch: (3 * step) / rows,
  percentage: Math.round((10_000 * step) / rows) / 100,
  elapsed_time: timeText(step * SECONDS_ROW),
  remaining_time: timeText((rows - step) * SECONDS_ROW),
});

const lossOf = (step: number) => 1.2 + 2 / (1 + step / 5_000) + Math.sin(step) / 10;
const rateOf = (step: number, rows: number) => 2e-4 * (1 - step / rows);

/** "0:00:32", and "1 day, 2:03:04" where it took so long: hours alone begin again at 0. */
function timeText(seconds: number): string {
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  const clock = [hours % 24, ...[minutes % 60, Math.floor(seconds) % 60].map((part) => String(part).padStart(2, '0'))];
  return `${days === 0 ? '' : `${days} day${days === 1 ? '' : 's'}, `}${clock.join(':')}`;
}

/** Units of the metrics that trainers log; a metric that is not here is shown without one. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/^(eval_|train_)?loss$/, 'nats'],
  [/^grad_norm$/, 'L2 norm, before clipping'],
  [/runtime$/, 's'],
  [/samples_per_second$|^throughput$/, 'samples/s'],
  [/steps_per_second$/, 'steps/s'],
  [/tokens_per_sec(ond)?$/, 'tokens/s'],
  [/tokens_seen$|^tokens_processed$/, 'tokens'],
  [/^gpu_utilization$|^gpu_memory_used_percent$/, '%'],
  [/^gpu_temperature$/, '°C'],
  [/^epoch$/, 'epochs'],
];

export const unitOf = (key: string): string | null => UNITS.find(([pattern]) => pattern.test(key))?.[1] ?? null;

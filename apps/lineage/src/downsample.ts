/**
 * Which of many values to show: indexes, ascending, at most `points` of them. Deterministic. The first and last one, and of each
 * of many equal buckets the least and the greatest finite value, so no spike goes missing; every non-finite value where they
 * are few, else each bucket's first and last one. All where there are no more than `points`.
 */
export function downsample(values: ArrayLike<number>, points: number): number[] {
  const { length } = values;
  if (length <= points) return Array.from({ length }, (_, index) => index);
  const budget = points - 2;
  const nonfinite = countNonfinite(values);
  const keepsAll = nonfinite <= budget / 4;
  const buckets = Math.max(1, Math.floor((budget - (keepsAll ? nonfinite : 0)) / (keepsAll ? 2 : 4)));
  const kept: number[] = [];
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = Math.floor((bucket * length) / buckets);
    const to = Math.floor(((bucket + 1) * length) / buckets);
    kept.push(...pick(values, from, to, keepsAll));
  }
  if (kept[0] !== 0) kept.unshift(0);
  if (kept.at(-1) !== length - 1) kept.push(length - 1);
  return kept;
}

export function countNonfinite(values: ArrayLike<number>): number {
  let count = 0;
  for (let index = 0; index < values.length; index += 1) if (!Number.isFinite(values[index])) count += 1;
  return count;
}

function pick(values: ArrayLike<number>, from: number, to: number, keepsAll: boolean): number[] {
  let [least, greatest] = [-1, -1];
  const nonfinite: number[] = [];
  for (let index = from; index < to; index += 1) {
    const value = values[index] as number;
    if (Number.isFinite(value)) {
      if (least === -1 || value < (values[least] as number)) least = index;
      if (greatest === -1 || value > (values[greatest] as number)) greatest = index;
    } else if (keepsAll || nonfinite.length < 2) nonfinite.push(index);
    else nonfinite[1] = index;
  }
  const finite = least === -1 ? [] : least === greatest ? [least] : [least, greatest];
  return [...finite, ...nonfinite].sort((left, right) => left - right);
}

const DIGITS = 4;

/** A number for a sentence: four significant digits, or as it is where that is shorter. */
export function shown(value: number): string {
  const whole = String(value);
  if (!Number.isFinite(value)) return whole;
  const short = String(Number(value.toPrecision(DIGITS)));
  return short.length < whole.length ? short : whole;
}

/**
 * Two numbers that a sentence compares, with as many digits as it takes to see which one is larger: "1.2 is not below 1.2" would
 * hide why.
 */
export function shownBeside(one: number, other: number): [string, string] {
  for (let digits = DIGITS; digits < 17; digits += 1) {
    const [left, right] = [Number(one.toPrecision(digits)), Number(other.toPrecision(digits))];
    if (Math.sign(left - right) !== Math.sign(one - other)) continue;
    const short = (value: number, cut: number) =>
      String(cut).length < String(value).length ? String(cut) : String(value);
    return [short(one, left), short(other, right)];
  }
  return [String(one), String(other)];
}

/** "1 row", "3 rows". */
export const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** "a, b and c". */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** What one look found. `unknown`: it could not look. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'wrong' | 'unknown';
  readonly found: string;
  /** What to do; null where all is well. */
  readonly advice: string | null;
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found, advice: null };
}

export function wrong(check: string, found: string, advice: string): Finding {
  return { check, state: 'wrong', found, advice };
}

export function unknown(check: string, found: string, advice: string): Finding {
  return { check, state: 'unknown', found, advice };
}

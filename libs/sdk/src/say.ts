/** Takes one line for a person; never the API key. */
export type Say = (line: string) => void;

/** The default: a line on stderr, where it does not mix with what the trainer prints. */
export const sayOnStderr: Say = (line) => {
  process.stderr.write(`runseal: ${line}\n`);
};

/**
 * Says each kind of trouble once until it has passed: a server that is away for a night costs one line, not a thousand.
 * A `say` that throws is ignored: telling must not harm the training.
 */
export class Teller {
  private readonly told = new Set<string>();

  constructor(private readonly say: Say) {}

  once(kind: string, line: string): void {
    if (this.told.has(kind)) return;
    this.told.add(kind);
    try {
      this.say(line);
    } catch (error) {
      // Nobody is left to tell; the line is lost and nothing else.
      void error;
    }
  }

  /** The trouble is over; when it comes back it is said again. */
  passed(kind: string): void {
    this.told.delete(kind);
  }
}

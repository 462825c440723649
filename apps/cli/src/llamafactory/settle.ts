import type { Facts } from './facts.js';
import { refuse } from './refuse.js';

/** Brings together what the folder tells and what a person states, and notes which of it was only stated. */
export class Settler {
  /** JSON pointers to the stated facts of the event that is being put together. */
  readonly asserted: string[] = [];

  constructor(private readonly facts: Facts | null) {}

  /** A settler for another event, over the same facts. */
  fresh(): Settler {
    return new Settler(this.facts);
  }

  has(name: string): boolean {
    return this.facts?.stated.has(name) ?? false;
  }

  /**
   * The found value, else the stated one, whose pointer is noted. A statement against what was found is refused: one of them
   * is wrong, and only a person can say which.
   */
  settle<Value>(name: string, found: Value | null, pointer: string): Value | null {
    const stated = this.facts?.stated.get(name);
    if (!stated) return found;
    if (found === null) {
      this.asserted.push(pointer);
      return stated.value as Value;
    }
    if (found !== stated.value) {
      refuse(
        `${stated.place}: ${name} is ${JSON.stringify(stated.value)}, the folder says ${JSON.stringify(found)}. ` +
          'Wanted facts that the folder cannot tell, or the same: take it out, or see which is wrong.',
      );
    }
    return found;
  }

  /** Only stated, never found. */
  stated<Value>(name: string, pointer: string): Value | null {
    return this.settle<Value>(name, null, pointer);
  }

  /** A mapping of names to values, each settled by itself; names with dots or slashes too. */
  settleMap(name: string, found: Readonly<Record<string, string>>, pointer: string): Record<string, string> {
    const stated = this.facts?.stated.get(name);
    const both: Record<string, string> = { ...found };
    for (const [key, value] of Object.entries((stated?.value ?? {}) as Record<string, string>)) {
      if (both[key] !== undefined && both[key] !== value) {
        refuse(`${stated?.place}: ${name}.${key} is ${value}, the folder says ${both[key]}. See which is wrong.`);
      }
      if (both[key] === undefined) this.asserted.push(`${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
      both[key] = value;
    }
    return both;
  }
}

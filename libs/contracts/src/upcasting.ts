import { eventTypes, type EventPayload, type EventType } from './event-types.js';

/** Turns a payload of one version into the next; pure, and leaves what it gets as it is. */
export type UpcastStep = (payload: unknown) => unknown;
/** By type: the step at index i leads from version i + 1 to i + 2. */
export type UpcastSteps = Readonly<Record<string, readonly UpcastStep[]>>;

/** A record that this build cannot read. A reader stops at it and says the seq; it never skips it. */
export class UnknownEventError extends Error {
  override readonly name = 'UnknownEventError';

  constructor(
    readonly type: string,
    readonly version: number,
    wanted: string,
  ) {
    super(`found an event ${type} of version ${version}, wanted ${wanted}; run a newer build`);
  }
}

/** Makes the function that brings a payload to its type's current version through every version between. */
export function upcaster(currentVersions: Readonly<Record<string, number>>, steps: UpcastSteps) {
  return (type: string, version: number, payload: unknown): unknown => {
    const current = Object.hasOwn(currentVersions, type) ? currentVersions[type] : undefined;
    if (current === undefined) throw new UnknownEventError(type, version, 'a known type');
    if (!Number.isInteger(version) || version < 1 || version > current) {
      throw new UnknownEventError(type, version, `a version from 1 to ${current}`);
    }
    let upcasted = payload;
    for (let from = version; from < current; from += 1) {
      const step = steps[type]?.[from - 1];
      if (!step) throw new Error(`upcasting ${type}: found no step from version ${from}, wanted one`);
      upcasted = step(upcasted);
    }
    return upcasted;
  };
}

// Every type is at version 1: there is no step yet.
const steps: UpcastSteps = {};
const currentVersions = Object.fromEntries(Object.entries(eventTypes).map(([type, { version }]) => [type, version]));
const toCurrent = upcaster(currentVersions, steps);

/**
 * The payload as the current version has it. The payload must fit the schema of its version (sealed ones do). Throws
 * UnknownEventError for a type or version that this build does not know.
 */
export const upcast = <Type extends EventType>(type: Type, version: number, payload: unknown): EventPayload<Type> =>
  toCurrent(type, version, payload) as EventPayload<Type>;

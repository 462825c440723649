import { NotFoundException } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Receipt } from '@runseal/ledger';
import type { RunFacts } from '@runseal/rules';
import { v7 as uuidv7 } from 'uuid';
import { answerOf } from './answer-of.js';
import type { CommandAnswer } from './answers.js';
import {
  decideRequest,
  refuseTransition,
  registerRun,
  requestTransition,
  type Asker,
  type Decision,
  type NewEvent,
} from './deciding/decide.js';
import { unmetOf } from './deciding/requirements.js';
import type { FullStanding } from './deciding/standing.js';
import type { Stage } from './deciding/version-state.js';
import { readStanding } from './read-standing.js';
import { UnmetRefusal, wordsOfUnmet } from './refusal.js';
import { Registry } from './registry.js';
import { conflictOf, expectationsOf, sealEvents, type Sealing } from './seal-events.js';

/** Somebody else was quicker so often in a row: whoever asks should look again. */
const TRIES_MAX = 5;
const WAIT_MS = 5_000;

interface VersionName {
  readonly model: string;
  readonly version: number;
}

export class RequestTransition {
  constructor(
    readonly of: VersionName,
    readonly asker: Asker,
    readonly wanted: { readonly to: Stage; readonly reason: string },
  ) {}
}

@CommandHandler(RequestTransition)
export class RequestTransitionHandler implements ICommandHandler<RequestTransition, CommandAnswer> {
  constructor(private readonly registry: Registry) {}

  /** A refused one is sealed too, and answered with everything that is unmet. */
  async execute({ of, asker, wanted: { to, reason } }: RequestTransition): Promise<CommandAnswer> {
    const ids = [uuidv7(), uuidv7()] as const;
    let refusal: UnmetRefusal | null = null;
    const receipts = await decideAndSeal(this.registry, of, asker, (standing) => {
      refusal = null;
      const decision = requestTransition(standing, { ids, to, reason, ...asker });
      if ('events' in decision) return decision.events;
      const { unmet } = decision;
      refusal = new UnmetRefusal('transition_refused', sentence(`${to} is refused`, decision), unmet, {
        refusal: ids[0],
      });
      return [refuseTransition(standing, { id: ids[0], to, request: null, reason, unmet })];
    });
    if (refusal) throw refusal;
    return answerAfter(this.registry, of, receipts);
  }
}

export class DecideRequest {
  constructor(
    readonly of: VersionName,
    readonly asker: Asker,
    readonly decided: {
      readonly request: string | null;
      readonly approves: boolean;
      readonly meaning: string;
      readonly reason: string;
    },
  ) {}
}

@CommandHandler(DecideRequest)
export class DecideRequestHandler implements ICommandHandler<DecideRequest, CommandAnswer> {
  constructor(private readonly registry: Registry) {}

  async execute({ of, asker, decided }: DecideRequest): Promise<CommandAnswer> {
    const id = uuidv7();
    const receipts = await decideAndSeal(this.registry, of, asker, (standing) => {
      const decision = decideRequest(standing, { id, ...decided, ...asker });
      if ('events' in decision) return decision.events;
      throw new UnmetRefusal('approval_refused', sentence('This decision is not taken', decision), decision.unmet);
    });
    return answerAfter(this.registry, of, receipts);
  }
}

export class SetTags {
  constructor(
    readonly of: VersionName,
    readonly asker: Asker,
    readonly tags: Readonly<Record<string, string | null>>,
  ) {}
}

@CommandHandler(SetTags)
export class SetTagsHandler implements ICommandHandler<SetTags, CommandAnswer> {
  constructor(private readonly registry: Registry) {}

  async execute({ of, asker, tags }: SetTags): Promise<CommandAnswer> {
    const id = uuidv7();
    const receipts = await decideAndSeal(this.registry, of, asker, ({ version }) => [
      { id, type: 'model.tags-set', payload: { version: version.version, tags: { ...tags } } },
    ]);
    return answerAfter(this.registry, of, receipts);
  }
}

export class RegisterVersion {
  constructor(
    readonly model: string,
    readonly asker: Asker,
    readonly run: string,
  ) {}
}

/** For what the registry does not take in by itself: a finished run of which no weights were told. */
@CommandHandler(RegisterVersion)
export class RegisterVersionHandler implements ICommandHandler<RegisterVersion, CommandAnswer> {
  constructor(private readonly registry: Registry) {}

  async execute({ model, asker, run }: RegisterVersion): Promise<CommandAnswer> {
    const id = uuidv7();
    let version = 0;
    const receipts = await sealWithRetries(this.registry, async () => {
      const found = await this.read(model, run);
      version = found.versions + 1;
      const decision = this.decide(found, { id, version });
      if (!('events' in decision)) {
        throw new UnmetRefusal('registration_refused', sentence('The run is not taken in', decision), decision.unmet);
      }
      const expect = [{ stream: `model/${model}`, at: found.newest_seq }];
      return { model, actor: asker.actor, occurred_at: new Date().toISOString(), events: decision.events, expect };
    });
    return answerAfter(this.registry, { model, version }, receipts);
  }

  private decide({ facts, taken }: Found, { id, version }: { id: string; version: number }): Decision {
    if (taken)
      return { unmet: [unmetOf('one_version', `${taken.model} ${taken.version}`, 'a run that is no version yet')] };
    const { seq, hash } = facts.terminal ?? { seq: 0, hash: '' };
    return registerRun(facts, { id, version, trigger: { seq, hash } });
  }

  private async read(model: string, run: string): Promise<Found> {
    const { rows } = await this.registry.pool.query<FoundRow>({
      name: 'read-for-registration',
      text: `
select r.document, coalesce(m.newest_seq, -1) as newest_seq, coalesce(m.versions, 0) as versions,
  v.model as taken_model, v.version as taken_version
from runs r
left join models m on m.model = $2
left join versions v on v.run = r.run
where r.run = $1
limit 1`,
      values: [run, model],
    });
    const [row] = rows;
    const facts = row && (JSON.parse(row.document) as RunFacts);
    if (!row || facts?.first_seq == null) throw new NotFoundException(`There is no run ${run}.`);
    const { newest_seq, versions, taken_model, taken_version } = row;
    const taken =
      taken_model === null || taken_version === null ? null : { model: taken_model, version: taken_version };
    return { facts, newest_seq, versions, taken };
  }
}

interface FoundRow {
  readonly document: string;
  readonly newest_seq: number;
  readonly versions: number;
  readonly taken_model: string | null;
  readonly taken_version: number | null;
}

interface Found extends Pick<FoundRow, 'newest_seq' | 'versions'> {
  readonly facts: RunFacts;
  readonly taken: VersionName | null;
}

/**
 * Decides on what is known of the version and seals what comes of it, relying on the model's stream and the run's newest verdict.
 * Where either has moved on, the decision is made again on what is known then: so no decision rests on a verdict that was
 * superseded while it was made.
 */
function decideAndSeal(
  registry: Registry,
  { model, version }: VersionName,
  { actor }: Asker,
  decide: (standing: FullStanding) => readonly NewEvent[],
): Promise<readonly Receipt[]> {
  return sealWithRetries(registry, async () => {
    const read = await readStanding(registry.pool, model, version);
    if (!read) throw new NotFoundException(`There is no version ${version} of a model ${model}.`);
    const events = decide(read.standing);
    return { model, actor, occurred_at: new Date().toISOString(), events, expect: expectationsOf(read) };
  });
}

async function sealWithRetries(registry: Registry, decide: () => Promise<Sealing>): Promise<readonly Receipt[]> {
  const { door, reader } = registry.parts;
  for (let tries = 1; ; tries += 1) {
    const sealing = await decide();
    try {
      return await sealEvents(door, sealing);
    } catch (error) {
      const conflict = conflictOf(error);
      if (!conflict || tries === TRIES_MAX) throw error;
      await reader.waitFor(conflict.found, WAIT_MS);
    }
  }
}

/** The version as it is after what was sealed and what that made due, so that callers read their own writes. */
async function answerAfter(
  registry: Registry,
  { model, version }: VersionName,
  receipts: readonly Receipt[],
): Promise<CommandAnswer> {
  const { reader } = registry.parts;
  const deadline = performance.now() + WAIT_MS;
  const isThere = await reader.waitFor(receipts.at(-1)?.seq ?? -1, WAIT_MS);
  while (isThere && performance.now() < deadline && (await isDue(registry, { model, version }))) {
    const position = (await reader.findPosition())?.seq ?? -1;
    await reader.waitFor(position + 1, deadline - performance.now());
  }
  const read = isThere ? await readStanding(registry.pool, model, version) : null;
  return {
    receipts: receipts.map(({ id, seq, hash }) => ({ id, seq, hash })),
    version: read && answerOf(read.standing),
  };
}

/** Whether the registry has yet to seal something of its own for the version. */
async function isDue({ pool }: Registry, { model, version }: VersionName): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'is-due',
    text: `
select
from versions v
join dues d on d.run = v.run
where v.model = $1 and v.version = $2`,
    values: [model, version],
  });
  return rowCount !== 0;
}

const sentence = (what: string, { unmet }: Extract<Decision, { readonly unmet: unknown }>): string =>
  `${what}. ${wordsOfUnmet(unmet)}.`;

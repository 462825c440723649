import { toHex, toUtf8 } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { CommandHandler, QueryHandler, type ICommandHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { AsOf } from '@runseal/runtime';
import type { Page, PolicyAnswer, PublicationAnswer, PublishedAnswer } from './answers.js';
import { BUILT_IN, BUILT_IN_ID } from './deciding/run-to-judge.js';
import { DEFAULT_POLICY } from './engine/policy/default-policy.js';
import { parsePolicy, readNormalised, type ParsedPolicy } from './engine/policy/parse-policy.js';
import { PolicyError } from './engine/policy/yaml-source.js';
import { Gates } from './gates.js';
import { findMoment } from './moment.js';
import { GatesRefusal } from './refusal.js';
import { sealCommand } from './seal-command.js';

const VERSIONS_MAX = 100;

interface PolicyRow {
  readonly policy: string;
  readonly version: number;
  readonly policy_hash: string;
  readonly seq: number;
  readonly sealed_at: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly source: string;
  readonly normalised: string;
}

const COLUMNS = `p.policy, p.version, p.policy_hash, p.since_seq as seq, p.sealed_at, p.actor, p.reason, p.source, p.normalised`;

export class PublishPolicy {
  constructor(
    readonly id: string,
    readonly actor: string,
    readonly published: { readonly source: string; readonly reason: string | null },
  ) {}
}

/** Brings a policy into force; one that says what is in force already is not published again. */
@CommandHandler(PublishPolicy)
export class PublishPolicyHandler implements ICommandHandler<PublishPolicy, PublishedAnswer> {
  constructor(private readonly gates: Gates) {}

  async execute({ id, actor, published }: PublishPolicy): Promise<PublishedAnswer> {
    const { policy, normalised } = parse(published.source);
    const hash = toHex(sha256(toUtf8(normalised)));
    const newest = await findPolicy(this.gates, id, Number.MAX_SAFE_INTEGER);
    if (newest?.policy_hash === hash) return { ...publicationOf(newest), normalised: policy, is_new: false };
    const stream = `policy/${id}`;
    const version = (newest?.version ?? 0) + 1;
    const { source, reason } = published;
    const receipt = await sealCommand(this.gates.parts.door, {
      ...{ type: 'policy.published', stream, actor },
      payload: { version, source, normalised, hash, reason },
      expect: [{ stream, type: 'policy.published', at: newest?.seq ?? -1 }],
    });
    const { seq, sealed_at } = receipt;
    return { id, version, hash, seq, published_at: sealed_at, by: actor, reason, normalised: policy, is_new: true };
  }
}

function parse(source: string): ParsedPolicy {
  try {
    return parsePolicy(source);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const { faults } = error;
    const errors = faults.map(({ line, column, found, wanted }) => ({
      path: '/source',
      found: `line ${line}, column ${column}: ${found}`,
      wanted,
    }));
    throw new GatesRefusal('invalid_policy', error.message, errors, { faults });
  }
}

export class ListPolicies {
  constructor(readonly page: { readonly limit: number; readonly cursor?: string; readonly asOf?: AsOf }) {}
}

/** Policies in force, by id, the built-in one among them until a default is published. */
@QueryHandler(ListPolicies)
export class ListPoliciesHandler implements IQueryHandler<ListPolicies, Page<PublicationAnswer>> {
  constructor(private readonly gates: Gates) {}

  async execute({ page: { limit, cursor = '', asOf } }: ListPolicies): Promise<Page<PublicationAnswer>> {
    const moment = await findMoment(this.gates, asOf);
    const result = await this.gates.pool.query<PolicyRow>({
      name: 'list-policies',
      text: `
select ${COLUMNS}
from policies p
where p.since_seq <= $1 and (p.until_seq is null or p.until_seq > $1) and p.policy > $2
order by p.policy
limit $3`,
      values: [moment, cursor, limit],
    });
    const found = result.rows.map(publicationOf);
    const hasDefault = (await findPolicy(this.gates, BUILT_IN_ID, moment)) !== null;
    const all = hasDefault || cursor >= BUILT_IN_ID ? found : [...found, builtInAnswer];
    const items = all.sort((one, other) => (one.id < other.id ? -1 : 1)).slice(0, limit);
    const last = items.at(-1);
    return { items, next_cursor: items.length === limit && last ? last.id : null };
  }
}

export class ShowPolicy {
  constructor(
    readonly id: string,
    readonly asOf: AsOf | undefined,
  ) {}
}

@QueryHandler(ShowPolicy)
export class ShowPolicyHandler implements IQueryHandler<ShowPolicy, PolicyAnswer> {
  constructor(private readonly gates: Gates) {}

  async execute({ id, asOf }: ShowPolicy): Promise<PolicyAnswer> {
    const moment = await findMoment(this.gates, asOf);
    const result = await this.gates.pool.query<PolicyRow>({
      name: 'policy-versions',
      text: `
select ${COLUMNS}
from policies p
where p.policy = $1 and p.since_seq <= $2
order by p.since_seq desc
limit $3`,
      values: [id, moment, VERSIONS_MAX],
    });
    const [newest] = result.rows;
    if (newest) {
      const { source, normalised } = newest;
      const versions = result.rows.map(publicationOf);
      return { ...publicationOf(newest), source, normalised: readNormalised(normalised), versions };
    }
    if (id !== BUILT_IN_ID) throw new GatesRefusal('policy_unknown', `No policy ${id} is published.`);
    return { ...builtInAnswer, source: null, normalised: DEFAULT_POLICY, versions: [] };
  }
}

async function findPolicy({ pool }: Gates, id: string, moment: number): Promise<PolicyRow | null> {
  const result = await pool.query<PolicyRow>({
    name: 'newest-policy',
    text: `
select ${COLUMNS}
from policies p
where p.policy = $1 and p.since_seq <= $2
order by p.since_seq desc
limit 1`,
    values: [id, moment],
  });
  return result.rows[0] ?? null;
}

const publicationOf = ({
  policy,
  version,
  policy_hash,
  seq,
  sealed_at,
  actor,
  reason,
}: PolicyRow): PublicationAnswer => ({
  ...{ id: policy, version, hash: policy_hash, seq },
  ...{ published_at: sealed_at, by: actor, reason },
});

const builtInAnswer: PublicationAnswer = {
  ...{ id: BUILT_IN.id, version: BUILT_IN.version, hash: BUILT_IN.hash },
  ...{ seq: null, published_at: null, by: null, reason: null },
};

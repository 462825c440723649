import type { Connection } from '@runseal/postgres';
import { modelNameOf, type RunFacts } from '@runseal/rules';
import { toHex, toUtf8 } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import type { JudgeInput } from '../engine/input.js';
import { DEFAULT_POLICY } from '../engine/policy/default-policy.js';
import { normalise, readNormalised } from '../engine/policy/parse-policy.js';
import type { Gate, Policy } from '../engine/policy/policy.js';
import { digestsOfFacts } from '../projection/artifacts.js';
import { judgeInputOf } from './judge-input.js';
import { readRows } from './metric-columns.js';
import { findReferences } from './references.js';

/** A record that a verdict takes in. */
export interface InputRecord {
  readonly seq: number;
  readonly hash: string;
  readonly sealed_at: string;
}

/** A policy as verdicts name it. */
export interface PolicyInForce {
  readonly id: string;
  /** 0: the built-in one. */
  readonly version: number;
  readonly hash: string;
  /** Its publication; null: the built-in one. */
  readonly record: InputRecord | null;
  readonly normalised: string;
}

export const BUILT_IN_ID = 'default';
const builtInText = normalise(DEFAULT_POLICY);
/** What is in force before anybody published a policy. */
export const BUILT_IN: PolicyInForce = {
  id: BUILT_IN_ID,
  version: 0,
  hash: toHex(sha256(toUtf8(builtInText))),
  record: null,
  normalised: builtInText,
};

export interface RunToJudge {
  readonly run: string;
  readonly facts: RunFacts;
  readonly policyInForce: PolicyInForce;
  /** Null: it cannot be read. */
  readonly policy: Policy | null;
  readonly input: JudgeInput;
  /** The newest record of all that the verdict takes in. */
  readonly newest: InputRecord;
}

/**
 * Reads everything that a run is judged by, as the tables have it; null where the run is not known. Metrics that the policy does
 * not read are left out unless `others` asks for them.
 */
export async function readRunToJudge(
  connection: Connection,
  run: string,
  { others = false }: { readonly others?: boolean } = {},
): Promise<RunToJudge | null> {
  const result = await connection.query<InputRecord & { document: string }>(
    `select d.document, r.input_seq as seq, r.input_hash as hash, r.input_at as sealed_at
     from run_documents d
     join runs r on r.run = d.run
     where d.run = $1 and r.newest_seq >= 0`,
    [run],
  );
  const [row] = result.rows;
  if (!row) return null;
  const { document, ...own } = row;
  const facts = JSON.parse(document) as RunFacts;
  const model = modelNameOf(facts);
  const policyInForce = await findPolicyInForce(connection, model);
  const policy = readNormalised(policyInForce.normalised);
  const gates = policy?.gates ?? [];
  const { references, newest: newestReference } = await findReferences(connection, { model, run, gates });
  const rows = await readRows(connection, run, { others: others || gates.some(readsOthers) });
  const isRegistered = await findRegistered(connection, digestsOfFacts(facts));
  const newest = newestOf([own, policyInForce.record, newestReference]) ?? own;
  return {
    ...{ run, facts, policyInForce, policy },
    input: judgeInputOf({
      facts,
      rows,
      isRegistered,
      references,
      overridden: await findOverridden(connection, run, newest),
    }),
    newest,
  };
}

/** The newest policy published for the model, else the newest default policy, else the built-in one. */
export async function findPolicyInForce(connection: Connection, model: string | null): Promise<PolicyInForce> {
  const result = await connection.query<
    InputRecord & { policy: string; version: number; policy_hash: string; normalised: string }
  >(
    `select p.policy, p.version, p.policy_hash, p.normalised, p.since_seq as seq, p.hash, p.sealed_at
     from policies p
     where p.policy in ($1, $2)
     order by p.policy = $1 desc, p.since_seq desc
     limit 1`,
    [model ?? BUILT_IN_ID, BUILT_IN_ID],
  );
  const [row] = result.rows;
  if (!row) return BUILT_IN;
  const { policy: id, version, policy_hash, normalised, ...record } = row;
  return { id, version, hash: policy_hash, record, normalised };
}

/** Whether a gate reads metrics beside loss, grad_norm and eval_loss: most policies do not, and most rows have them. */
const readsOthers = (gate: Gate): boolean =>
  ['finite', 'trend', 'compare', 'noninferiority', 'expression'].includes(gate.check) ||
  (gate.check === 'baseline' && gate.metric !== 'eval_loss' && gate.metric !== 'perplexity');

/**
 * The gates that people overrode in the verdict before the newest input, unless that has ended by then. An override is of one
 * verdict: what is judged on anything newer is judged without it.
 */
async function findOverridden(connection: Connection, run: string, { seq, sealed_at }: InputRecord): Promise<string[]> {
  const result = await connection.query<{ gate: string; expires_at: string | null }>(
    `select d.gate, d.expires_at
     from verdict_decisions d
     join (
       select v.verdict, v.hash from verdicts v where v.run = $1 and v.since_seq < $2 order by v.since_seq desc limit 1
     ) as base on base.verdict = d.verdict and base.hash = d.verdict_hash
     where d.kind = 'override' and d.since_seq <= $2`,
    [run, seq],
  );
  const isInForce = (expires_at: string | null) =>
    expires_at === null || Date.parse(expires_at) > Date.parse(sealed_at);
  return result.rows.filter(({ expires_at }) => isInForce(expires_at)).map(({ gate }) => gate);
}

async function findRegistered(
  connection: Connection,
  digests: readonly string[],
): Promise<(digest: string) => boolean> {
  const result = await connection.query<{ digest: string }>(
    'select digest from artifacts where digest = any ($1::text[])',
    [digests],
  );
  const known = new Set(result.rows.map(({ digest }) => digest));
  return (digest) => known.has(digest);
}

function newestOf(records: readonly (InputRecord | null)[]): InputRecord | null {
  return records.reduce((newest, one) => (one && (!newest || one.seq > newest.seq) ? one : newest), null);
}

import { canonicalJson } from '@runseal/chain';
import { ALWAYS_ON, DEFAULT_POLICY } from './default-policy.js';
import { CHECKS, GATES_MAX, ID, readLongForm } from './long-form.js';
import type { Gate, Policy } from './policy.js';
import { readShortForm } from './short-form.js';
import { YamlSource } from './yaml-source.js';

/** What its publication takes. */
const NORMALISED_MAX = 131_072;

export interface ParsedPolicy {
  readonly policy: Policy;
  /** The long form as canonical JSON (RFC 8785): what is hashed. */
  readonly normalised: string;
}

/**
 * Reads a policy in YAML: the long form (`gates:`) or the document's short form (`quality_gates:`). What it does not say stays as
 * in the default policy. Throws PolicyError with line and column of everything that is not in the language.
 */
export function parsePolicy(text: string): ParsedPolicy {
  const source = new YamlSource(text);
  source.check();
  const members = source.members(source.root, 'a mapping with "gates" or "quality_gates"');
  const [short, long] = ['quality_gates', 'gates'].map((name) => members.find(({ key }) => key === name));
  for (const { key, keyNode } of members) {
    if (!['quality_gates', 'gates', 'overridden'].includes(key)) {
      source.fault(keyNode, `"${key}"`, 'gates, quality_gates or overridden');
    }
  }
  if (short && long) source.fault(long.keyNode, '"gates" beside "quality_gates"', 'one of both');
  const gates = short
    ? readShortForm(source, short.value)
    : long
      ? readLongForm(source, long.value)
      : DEFAULT_POLICY.gates;
  const overridden = readOverridden(source, members.find(({ key }) => key === 'overridden')?.value);
  source.check();
  const policy: Policy = { format: 1, overridden, gates };
  const normalised = normalise(policy);
  if (normalised.length > NORMALISED_MAX) {
    source.fault(source.root, `${normalised.length} characters in the long form`, `at most ${NORMALISED_MAX}`);
    source.check();
  }
  return { policy, normalised };
}

/** The text that is hashed and kept. */
export const normalise = (policy: Policy): string => canonicalJson(policy);

/**
 * A policy as its publication holds it; null where the text is none. The ledger takes any text there, and runs must be judged
 * whatever was sealed. Parameters are not looked at: a gate that lacks one is an error by itself.
 */
export function readNormalised(normalised: string): Policy | null {
  try {
    const policy = JSON.parse(normalised) as Policy | null;
    return isPolicy(policy) ? policy : null;
  } catch {
    return null;
  }
}

function isPolicy(policy: Policy | null): policy is Policy {
  if (policy?.format !== 1 || !Array.isArray(policy.gates)) return false;
  const { gates } = policy;
  const isGate = ({ id, check, severity, shadow, off }: Gate) =>
    ID.test(id) &&
    CHECKS.includes(check) &&
    ['block', 'warn', 'info'].includes(severity) &&
    typeof shadow === 'boolean' &&
    typeof off === 'boolean';
  const has = (wanted: string) => gates.some(({ id, shadow, off }) => id === wanted && !shadow && !off);
  return gates.length <= GATES_MAX && gates.every(isGate) && [...ALWAYS_ON].every(has);
}

function readOverridden(
  source: YamlSource,
  node: Parameters<YamlSource['scalar']>[0] | undefined,
): Policy['overridden'] {
  if (node === undefined) return DEFAULT_POLICY.overridden;
  const value = source.scalar(node);
  if (value === 'admits' || value === 'blocks') return value;
  source.fault(node, source.tell(node), 'admits or blocks');
  return DEFAULT_POLICY.overridden;
}

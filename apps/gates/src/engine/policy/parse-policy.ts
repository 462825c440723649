import { canonicalJson } from '@runseal/chain';
import { DEFAULT_POLICY } from './default-policy.js';
import { readLongForm } from './long-form.js';
import type { Policy } from './policy.js';
import { readShortForm } from './short-form.js';
import { YamlSource } from './yaml-source.js';

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
  return { policy, normalised: normalise(policy) };
}

/** The text that is hashed and kept. */
export const normalise = (policy: Policy): string => canonicalJson(policy);

/** A policy as its publication holds it. */
export const readNormalised = (normalised: string): Policy => JSON.parse(normalised) as Policy;

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

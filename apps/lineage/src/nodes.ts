import { uuidOf } from './metric-chunks.js';
import type { NodeKind } from './graph-answers.js';

const COMMIT = /^[0-9a-f]{40}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const runNode = (run: string): string => `run:${run}`;
export const commitNode = (commit: string): string => `git:${commit}`;
export const evaluationNode = (id: string): string => `evaluation:${id}`;
export const verdictNode = (id: string): string => `verdict:${id}`;
export const approvalNode = (id: string): string => `approval:${id}`;
export const modelNode = (model: string, version: number): string => `model:${model}:${version}`;

/** Something known by a name in some store, and perhaps a revision there; it is no content before somebody hashes it. */
export const revisionNode = (source: string, revision: string | null): string =>
  revision === null ? `revision:${source}` : `revision:${source}@${revision}`;

/** Whether a revision names one content for good. */
export const isPinned = (revision: string | null): boolean => revision !== null && COMMIT.test(revision);

const KINDS: Readonly<Record<string, NodeKind>> = {
  sha256: 'artifact',
  run: 'run',
  git: 'commit',
  revision: 'revision',
  evaluation: 'evaluation',
  verdict: 'verdict',
  approval: 'approval',
  model: 'model_version',
};

/** The kind that a node's id begins with; null for another text. */
export const kindOf = (id: string): NodeKind | null => KINDS[id.slice(0, id.indexOf(':'))] ?? null;

/** The key of a node in the tables, made from its id. */
export function keyOf(id: string): string {
  return uuidOf(`runseal.node.v1\n${id}`);
}

/** What a person may have typed for a node: its id, a run's bare UUID. Aliases are looked up where this finds nothing. */
export function nodeIdOf(text: string): string | null {
  if (UUID.test(text)) return runNode(text);
  if (kindOf(text) === 'artifact') return DIGEST.test(text) ? text : null;
  return kindOf(text) === null ? null : text;
}

// Which edges and names an event gives the graph. Pure; edges go from upstream to downstream.
import type { EventPayload } from '@runseal/contracts';
import type { InputFacts } from '@runseal/rules';
import type { EdgeClass } from './graph-answers.js';
import { commitNode, evaluationNode, isPinned, revisionNode, runNode } from './nodes.js';

export interface Link {
  readonly from: string;
  readonly to: string;
  readonly kind: LinkKind;
}

/** The class of each kind: "learned from" walks influence only, else every model descends from the test set that judged it. */
export const CLASS_OF = {
  initialised_from: 'influence',
  trained_on: 'influence',
  validated_on: 'influence',
  used: 'influence',
  configured_by: 'influence',
  built_from: 'influence',
  produced: 'influence',
  registered_as: 'influence',
  same_as: 'influence',
  contains: 'influence',
  part_of: 'influence',
  tested_on: 'governance',
  evaluated: 'governance',
  judged_on: 'governance',
  decided: 'governance',
  informed: 'governance',
  gated: 'governance',
  approved: 'governance',
  refused: 'governance',
} as const satisfies Record<string, EdgeClass>;
export type LinkKind = keyof typeof CLASS_OF;

/** What identifies an input. */
export interface InputIdentity {
  readonly kind: InputFacts['kind'];
  readonly role: string | null;
  readonly name: string | null;
  readonly source: string | null;
  readonly revision: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  readonly git_commit: string | null;
}

export function identityOf(input: InputFacts): InputIdentity {
  const { kind, role, name } = input;
  return {
    kind,
    role,
    name,
    source: input.source?.value ?? null,
    revision: input.revision?.value ?? null,
    version: input.version?.value ?? null,
    digest: input.digest?.value ?? input.resolved_digest?.value ?? null,
    git_commit: input.git_commit?.value ?? null,
  };
}

/** The same for an input that stands alone. */
export function identityOfPayload(payload: EventPayload<'run.input-recorded'>): InputIdentity {
  return {
    kind: payload.kind,
    role: 'role' in payload ? payload.role : null,
    name: 'name' in payload ? payload.name : null,
    source: 'source' in payload ? payload.source : null,
    revision: payload.kind === 'base_model' ? payload.revision : null,
    version: payload.kind === 'dataset' ? payload.version : null,
    digest: payload.digest ?? (payload.kind === 'config' ? payload.resolved_digest : null),
    git_commit: payload.kind === 'config' ? (payload.git?.commit ?? null) : null,
  };
}

/**
 * Content is linked by its digest; only where there is none by its name in a store. A hub’s full commit and the digest that was
 * made of it stand for one another, so that whoever knows either finds the runs that recorded the other.
 */
export function linksOfInput(run: string, input: InputIdentity): Link[] {
  const to = runNode(run);
  const named = namedNode(input);
  const links: Link[] = [];
  const source = input.digest ?? named;
  if (source !== null) links.push({ from: source, to, kind: inputKind(input) });
  if (input.kind === 'base_model' && input.digest !== null && named !== null && isPinned(input.revision)) {
    links.push({ from: named, to: input.digest, kind: 'same_as' }, { from: input.digest, to: named, kind: 'same_as' });
  }
  if (input.git_commit !== null) links.push({ from: commitNode(input.git_commit), to, kind: 'built_from' });
  return links;
}

/** Other names under which the input is found: hub revisions, data set versions, commits. */
export function aliasesOfInput(input: InputIdentity): { readonly alias: string; readonly id: string }[] {
  const aliases: { alias: string; id: string }[] = [];
  const named = namedNode(input);
  const id = input.digest ?? named;
  if (id !== null) {
    const mark = input.revision ?? input.version;
    for (const name of new Set([input.source, input.kind === 'dataset' ? input.name : null])) {
      if (name !== null) aliases.push({ alias: mark === null ? name : `${name}@${mark}`, id });
    }
    if (named !== null && named !== id && !isPinned(input.revision)) aliases.push({ alias: named, id });
    if (input.revision !== null && isPinned(input.revision)) aliases.push({ alias: input.revision, id });
  }
  if (input.git_commit !== null) aliases.push({ alias: input.git_commit, id: commitNode(input.git_commit) });
  return aliases;
}

export function linksOfEnvironment(run: string, payload: EventPayload<'run.environment-recorded'>): Link[] {
  return [payload.image_digest, payload.lock_digest]
    .filter((digest) => digest !== null)
    .map((digest) => ({ from: digest, to: runNode(run), kind: 'built_from' as const }));
}

/** A folder stands for its files; where it was not hashed, the files stand for themselves. */
export function linksOfOutput(run: string, payload: EventPayload<'run.output-recorded'>): Link[] {
  const made = payload.digest === null ? (payload.files ?? []).map(({ digest }) => digest) : [payload.digest];
  return made
    .filter((digest) => digest !== null)
    .map((digest) => ({ from: runNode(run), to: digest, kind: 'produced' as const }));
}

export function linksOfEvaluation(run: string, id: string, payload: EventPayload<'run.evaluated'>): Link[] {
  const { weights, set } = payload;
  const to = evaluationNode(id);
  const links: Link[] = [{ from: weights?.digest ?? runNode(run), to, kind: 'evaluated' }];
  // The identity of a split is no content of its own: it is a part of the training data.
  const data = set.kind === 'fixed' ? set.digest : (set.split?.training_digest ?? null);
  if (data !== null) links.push({ from: data, to, kind: 'judged_on' });
  return links;
}

function inputKind({ kind, role }: InputIdentity): LinkKind {
  switch (kind) {
    case 'base_model':
      return 'initialised_from';
    case 'config':
      return 'configured_by';
    case 'dataset':
      // Not known for what: then it was learned from, until somebody says otherwise.
      return role === 'test' ? 'tested_on' : role === 'eval' ? 'validated_on' : 'trained_on';
    case 'other':
      return role === 'adapter' ? 'initialised_from' : 'used';
  }
}

function namedNode({ kind, source, name, revision, version }: InputIdentity): string | null {
  if (kind === 'dataset') {
    if (source !== null) return revisionNode(source, version);
    return name !== null && version !== null ? revisionNode(name, version) : null;
  }
  return source === null || kind === 'config' ? null : revisionNode(source, revision);
}

import type { ProjectedRecord } from '@runseal/projections';
import type { RunFacts } from '@runseal/rules';
import type { GraphBatch, Sighting } from './graph-batch.js';
import {
  aliasesOfInput,
  identityOf,
  identityOfPayload,
  linksOfEnvironment,
  linksOfEvaluation,
  linksOfInput,
  linksOfOutput,
} from './links.js';
import { evaluationNode, runNode, verdictNode } from './nodes.js';
import type { RunDocument } from './run-document.js';

interface Step {
  readonly run: string;
  readonly before: RunDocument;
  readonly after: RunDocument;
}

type Told<Type extends ProjectedRecord['type']> = ProjectedRecord<Type> & {
  readonly payload: NonNullable<ProjectedRecord<Type>['payload']>;
};

/** What a record of a run changes in the graph. */
export function linkRunRecord(graph: GraphBatch, record: ProjectedRecord, step: Step): void {
  const { run } = step;
  const { seq } = record;
  if (step.before.facts.first_seq === null) graph.node(runNode(run), seq);
  if (record.payload === null) return;
  switch (record.type) {
    case 'run.input-recorded':
      return linkInput(graph, record as Told<'run.input-recorded'>, step);
    case 'run.output-recorded':
      return linkOutput(graph, record as Told<'run.output-recorded'>, run);
    case 'run.environment-recorded':
      for (const link of linksOfEnvironment(run, record.payload)) graph.link(link, seq);
      return;
    case 'run.checkpoint-saved': {
      const { digest, path, size_bytes, step: at } = record.payload;
      if (digest === null) return;
      graph.link({ from: runNode(run), to: digest, kind: 'produced' }, seq);
      const name = path?.split('/').at(-1) ?? `checkpoint-${at}`;
      graph.sight(digest, { ...seen('checkpoint', run), kind: 'checkpoint', name, location: path, size_bytes }, seq);
      return;
    }
    case 'run.evaluated':
      for (const link of linksOfEvaluation(run, record.id, record.payload)) graph.link(link, seq);
      return;
    case 'run.gates-evaluated': {
      const verdict = verdictNode(record.id);
      graph.link({ from: runNode(run), to: verdict, kind: 'decided' }, seq);
      for (const [, id] of step.after.evaluations) {
        graph.link({ from: evaluationNode(id), to: verdict, kind: 'informed' }, seq);
      }
      return;
    }
    default:
      return;
  }
}

const seen = (source: Sighting['source'], run: string | null): Sighting => ({
  source,
  kind: null,
  name: null,
  location: null,
  form: null,
  size_bytes: null,
  run,
});

/** A later event completes or corrects an input: what it no longer says is taken back, unless another input says it too. */
function linkInput(graph: GraphBatch, record: Told<'run.input-recorded'>, { run, before, after }: Step): void {
  const { seq, payload } = record;
  const gone = changedInputs(before.facts, after.facts).flatMap((input) => linksOfInput(run, identityOf(input)));
  const changed = changedInputs(after.facts, before.facts).map(identityOf);
  const identities = changed.length > 0 ? changed : [identityOfPayload(payload)];
  const links = identities.flatMap((identity) => linksOfInput(run, identity));
  if (gone.length > 0) {
    const held = new Set(
      after.facts.inputs.flatMap((input) => linksOfInput(run, identityOf(input))).map((link) => JSON.stringify(link)),
    );
    // That two names stand for one content holds whatever this run says later.
    for (const link of gone) if (link.kind !== 'same_as' && !held.has(JSON.stringify(link))) graph.unlink(link, seq);
  }
  for (const link of links) graph.link(link, seq);
  for (const identity of identities) {
    for (const { alias, id } of aliasesOfInput(identity)) graph.alias(alias, id, seq);
  }
  if (payload.digest === null) return;
  const kind = payload.kind === 'other' ? payload.role : payload.kind;
  const name = ('name' in payload ? payload.name : null) ?? ('source' in payload ? payload.source : null);
  graph.sight(payload.digest, { ...seen('input', run), kind, name, location: payload.path }, seq);
}

function linkOutput(graph: GraphBatch, record: Told<'run.output-recorded'>, run: string): void {
  const { seq, payload } = record;
  const { role, type, path, digest, size_bytes, files } = payload;
  for (const link of linksOfOutput(run, payload)) graph.link(link, seq);
  if (digest === null) return;
  const form = files === null ? null : 'folder';
  const name = path?.split('/').at(-1) ?? null;
  graph.sight(digest, { ...seen('output', run), kind: type ?? role, name, location: path, form, size_bytes }, seq);
  graph.listFiles(digest, files ?? [], seq);
}

/** Inputs of `one` that `other` does not have as they are. */
function changedInputs(one: RunFacts, other: RunFacts) {
  const same = new Set(other.inputs);
  return one.inputs.filter((input) => !same.has(input));
}

/** Content that somebody has seen. */
export function linkArtifact(graph: GraphBatch, record: ProjectedRecord<'artifact.registered'>): void {
  const { seq, stream, payload } = record;
  const digest = stream.slice(stream.indexOf('/') + 1);
  if (payload === null) {
    graph.node(digest, seq);
    return;
  }
  const { form, kind, name, location, size_bytes, files, run } = payload;
  graph.sight(digest, { source: 'registered', form, kind, name, location, size_bytes, run }, seq);
  graph.listFiles(digest, files ?? [], seq);
}

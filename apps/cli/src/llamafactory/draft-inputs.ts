import type { EventPayload } from '@runseal/contracts';
import { draft, present, registered, registeredAsStated, type Draft } from './draft.js';
import type { RunMaterial } from './read-run.js';
import type { Settler } from './settle.js';

type Input = EventPayload<'run.input-recorded'>;
type Of<Kind extends Input['kind']> = Extract<Input, { kind: Kind }>;

/** What went in, as far as it is known, each with the registration of its digests. */
export interface Inputs {
  readonly baseModel: Of<'base_model'> | null;
  readonly train: Of<'dataset'> | null;
  readonly evaluation: Of<'dataset'> | null;
  readonly config: Of<'config'> | null;
}

export function inputsOf(material: RunMaterial): Inputs {
  return {
    baseModel: baseModelOf(material),
    train: trainSetOf(material),
    evaluation: evaluationSetOf(material),
    config: configOf(material),
  };
}

export function draftInputs({ baseModel, train, evaluation, config }: Inputs): Draft[] {
  return present<Input>([baseModel, train, evaluation, config]).map((input) =>
    draft('run.input-recorded', () => input),
  );
}

/** A registration for each digest of the inputs, of what was hashed here or of what was stated. */
export function draftInputArtifacts(inputs: Inputs, { dataset, config }: RunMaterial): Draft[] {
  const { baseModel, train, evaluation } = inputs;
  const stated = (digest: string | null | undefined, kind: string, name: string | null) =>
    typeof digest === 'string' ? registeredAsStated(digest, kind, name) : null;
  return present([
    stated(baseModel?.digest, 'base_model', baseModel?.source ?? baseModel?.path ?? null),
    dataset
      ? registered(dataset.digest, {
          kind: 'dataset',
          form: dataset.form,
          name: train?.name ?? dataset.name,
          location: dataset.name,
          size_bytes: dataset.size_bytes,
          files: dataset.files,
        })
      : stated(train?.digest, 'dataset', train?.name ?? null),
    stated(evaluation?.digest, 'dataset', evaluation?.name ?? null),
    config
      ? registered(config.digest, {
          kind: 'config',
          form: 'file',
          name: config.name,
          location: config.name,
          size_bytes: config.size_bytes,
        })
      : null,
    stated(inputs.config?.resolved_digest, 'config', 'resolved arguments'),
  ]);
}

function baseModelOf({ config, card, adapter, facts }: RunMaterial): Of<'base_model'> | null {
  const own = facts.fresh();
  const named =
    textOrNull(config?.parameters['model_name_or_path']) ??
    textOrNull(adapter?.['base_model_name_or_path']) ??
    card?.baseModel ??
    null;
  // A folder's name says where it lay; where the model comes from, somebody who knows must say.
  const isPath = named !== null && (/^(\.{0,2}[\\/]|~|[A-Za-z]:)/.test(named) || own.has('base_model.source'));
  const revision = textOrNull(config?.parameters['model_revision']) ?? textOrNull(adapter?.['revision']);
  return orNull({
    kind: 'base_model',
    source: own.settle('base_model.source', isPath ? null : named, '/payload/source'),
    revision: own.settle('base_model.revision', revision, '/payload/revision'),
    path: isPath && !own.has('base_model.path') ? named : own.stated<string>('base_model.path', '/payload/path'),
    digest: own.stated<string>('base_model.digest', '/payload/digest'),
    license: own.stated<string>('base_model.license', '/payload/license'),
    asserted: own.asserted,
  });
}

function trainSetOf({ config, card, dataset, facts }: RunMaterial): Of<'dataset'> | null {
  const own = facts.fresh();
  return orNull({
    kind: 'dataset',
    role: 'train',
    name: own.settle(
      'dataset.name',
      textOrNull(config?.parameters['dataset']) ?? card?.dataset ?? null,
      '/payload/name',
    ),
    ...datasetFacts(own, 'dataset', dataset),
    asserted: own.asserted,
  });
}

function evaluationSetOf({ config, facts }: RunMaterial): Of<'dataset'> | null {
  const own = facts.fresh();
  return orNull({
    kind: 'dataset',
    role: 'eval',
    name: own.settle('eval_dataset.name', textOrNull(config?.parameters['eval_dataset']), '/payload/name'),
    ...datasetFacts(own, 'eval_dataset', null),
    asserted: own.asserted,
  });
}

function datasetFacts(own: Settler, name: 'dataset' | 'eval_dataset', seen: RunMaterial['dataset']) {
  return {
    version: own.stated<string>(`${name}.version`, '/payload/version'),
    source: own.stated<string>(`${name}.source`, '/payload/source'),
    path: own.has(`${name}.path`) ? own.stated<string>(`${name}.path`, '/payload/path') : (seen?.name ?? null),
    digest: own.settle<string>(`${name}.digest`, seen?.digest ?? null, '/payload/digest'),
    samples: own.settle<number>(`${name}.samples`, seen?.samples ?? null, '/payload/samples'),
    schema: own.settle<string>(`${name}.schema`, seen?.schema ?? null, '/payload/schema'),
    license: own.stated<string>(`${name}.license`, '/payload/license'),
  };
}

function configOf({ config, facts }: RunMaterial): Of<'config'> | null {
  const own = facts.fresh();
  const git = {
    repository: own.stated<string>('git.repository', '/payload/git/repository'),
    commit: own.stated<string>('git.commit', '/payload/git/commit'),
    dirty: own.stated<boolean>('git.dirty', '/payload/git/dirty'),
  };
  return orNull({
    kind: 'config',
    path: config?.name ?? null,
    digest: config?.digest ?? null,
    resolved_digest: own.stated<string>('resolved_digest', '/payload/resolved_digest'),
    git: Object.values(git).every((value) => value === null) ? null : git,
    asserted: own.asserted,
  });
}

/** Null where there is nothing to say: kind and role alone are no fact. */
function orNull<Payload extends Input>(payload: Payload): Payload | null {
  const facts = Object.entries(payload).filter(([name]) => name !== 'kind' && name !== 'role' && name !== 'asserted');
  return facts.some(([, value]) => value !== null) ? payload : null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

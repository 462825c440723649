// What went in, what came out and what it ran on. Of two that say the same thing the later completes the earlier.
import type { EventPayload } from '@runseal/contracts';
import { escapePointer, fact, leaveOut, type Draft, type Told } from './draft.js';
import type { InputFacts, OutputFacts } from './material-facts.js';
import type { Fact, LimitedFact, ParameterValue } from './run-facts.js';
import { factsLimits } from './run-facts.js';

export function foldParameters(draft: Draft, event: Told<'run.parameters-recorded'>): void {
  const parameters: Record<string, Fact<ParameterValue>> = { ...draft.parameters };
  let count = Object.keys(parameters).length;
  let chars = draft.parameters_chars;
  let [tooMany, tooLong] = [0, 0];
  for (const [name, value] of Object.entries(event.payload.parameters)) {
    const before = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    const added = sizeOf(name, value) - (before ? sizeOf(name, before.value) : 0);
    if (!before && count >= factsLimits.parameters) tooMany += 1;
    else if (chars + added > factsLimits.parametersChars) {
      tooLong += 1;
      // An old value that was overruled would be a wrong one.
      if (before) [chars, count] = [chars - sizeOf(name, before.value), count - 1];
      if (before) delete parameters[name];
    } else {
      const asserted = fact(event, `/payload/parameters/${escapePointer(name)}`, '')?.asserted;
      parameters[name] = asserted ? { value, seq: event.seq, asserted } : { value, seq: event.seq };
      chars += added;
      if (!before) count += 1;
    }
  }
  if (tooMany > 0) leaveOut(draft, event, 'parameters', tooMany);
  if (tooLong > 0) leaveOut(draft, event, 'parametersChars', tooLong);
  draft.parameters = parameters;
  draft.parameters_chars = chars;
}

const sizeOf = (name: string, value: ParameterValue): number => name.length + JSON.stringify(value).length;

export function foldInput(draft: Draft, event: Told<'run.input-recorded'>): void {
  const said = inputOf(event);
  const index = draft.inputs.findIndex(
    ({ kind, role, name }) => kind === said.kind && role === said.role && name === said.name,
  );
  if (index === -1) {
    if (draft.inputs.length >= factsLimits.inputs) return leaveOut(draft, event, 'inputs');
    draft.inputs = [...draft.inputs, said];
    return;
  }
  const before = draft.inputs[index] as InputFacts;
  draft.inputs = draft.inputs.with(index, { ...completed(before, said), seq: before.seq });
}

/** Every member of the later one, and the earlier one's where that is null. */
function completed<Of extends object>(before: Of, said: Of): Of {
  const after = { ...said };
  for (const name of Object.keys(said) as (keyof Of)[]) if (after[name] === null) after[name] = before[name];
  return after;
}

function inputOf(event: Told<'run.input-recorded'>): InputFacts {
  const { payload, seq } = event;
  const of = <Value>(name: string, value: Value | null | undefined) => fact(event, `/payload/${name}`, value ?? null);
  const git = payload.kind === 'config' ? payload.git : null;
  const dataset = payload.kind === 'dataset' ? payload : null;
  return {
    kind: payload.kind,
    role: 'role' in payload ? payload.role : null,
    name: 'name' in payload ? payload.name : null,
    seq,
    last_seq: seq,
    source: of('source', 'source' in payload ? payload.source : null),
    path: of('path', payload.path),
    digest: of('digest', payload.digest),
    license: of('license', 'license' in payload ? payload.license : null),
    revision: of('revision', payload.kind === 'base_model' ? payload.revision : null),
    version: of('version', dataset?.version),
    samples: of('samples', dataset?.samples),
    schema: of('schema', dataset?.schema),
    resolved_digest: of('resolved_digest', payload.kind === 'config' ? payload.resolved_digest : null),
    git_repository: of('git/repository', git?.repository),
    git_commit: of('git/commit', git?.commit),
    git_dirty: of('git/dirty', git?.dirty),
  };
}

/** Written again, an output is another one, unless its digest says that it is the same. */
export function foldOutput(draft: Draft, event: Told<'run.output-recorded'>): void {
  const { role, path } = event.payload;
  const index =
    path === null ? -1 : draft.outputs.findIndex((output) => output.role === role && output.path?.value === path);
  const before = draft.outputs[index];
  const others = index === -1 ? draft.outputs : draft.outputs.toSpliced(index, 1);
  if (others.length >= factsLimits.outputs) return leaveOut(draft, event, 'outputs');
  const said = outputOf(draft, event, countFiles(others));
  const isSame = before?.digest != null && before.digest.value === said.digest?.value;
  draft.outputs = [...others, isSame ? completed(before, said) : said];
}

const countFiles = (outputs: readonly OutputFacts[]): number =>
  outputs.reduce((sum, { files }) => sum + (files?.length ?? 0), 0);

function outputOf(draft: Draft, event: Told<'run.output-recorded'>, filesBefore: number): OutputFacts {
  const { payload, seq } = event;
  const { role, files } = payload;
  const isTooMany = files !== null && filesBefore + files.length > factsLimits.outputFiles;
  if (isTooMany) leaveOut(draft, event, 'outputFiles', files.length);
  const kept = isTooMany ? null : files;
  return {
    role,
    seq,
    type: fact(event, '/payload/type', payload.type),
    path: fact(event, '/payload/path', payload.path),
    digest: fact(event, '/payload/digest', payload.digest),
    size_bytes: fact(event, '/payload/size_bytes', payload.size_bytes),
    files: kept,
    files_seq: kept && seq,
    tensors_finite: fact(event, '/payload/tensors_finite', payload.tensors_finite),
  };
}

export function foldEnvironment(draft: Draft, event: Told<'run.environment-recorded'>): void {
  const { seeds, hardware, determinism, ...rest } = event.payload;
  const of = <Value>(pointer: string, value: Value | null) => fact(event, `/payload/${pointer}`, value);
  draft.environment = completed(draft.environment, {
    seed: of('seeds/seed', seeds.seed),
    data_seed: of('seeds/data_seed', seeds.data_seed),
    numpy_seed: of('seeds/numpy_seed', seeds.numpy_seed),
    versions: mergeTexts(draft, event, 'versions'),
    platform: of('platform', rest.platform),
    gpu_type: of('hardware/gpu_type', hardware.gpu_type),
    gpu_count: of('hardware/gpu_count', hardware.gpu_count),
    cuda_version: of('hardware/cuda_version', hardware.cuda_version),
    driver_version: of('hardware/driver_version', hardware.driver_version),
    hosts: of('hardware/hosts', hardware.hosts),
    cudnn_deterministic: of('determinism/cudnn_deterministic', determinism.cudnn_deterministic),
    cudnn_benchmark: of('determinism/cudnn_benchmark', determinism.cudnn_benchmark),
    deterministic_algorithms: of('determinism/deterministic_algorithms', determinism.deterministic_algorithms),
    variables: mergeTexts(draft, event, 'variables'),
    image_digest: of('image_digest', rest.image_digest),
    lock_digest: of('lock_digest', rest.lock_digest),
  });
}

type Texts = Extract<LimitedFact, keyof EventPayload<'run.environment-recorded'>>;

function mergeTexts(draft: Draft, event: Told<'run.environment-recorded'>, what: Texts): Record<string, Fact<string>> {
  const merged: Record<string, Fact<string>> = { ...draft.environment[what] };
  let count = Object.keys(merged).length;
  let left = 0;
  for (const [name, value] of Object.entries(event.payload[what])) {
    const isNew = !Object.hasOwn(merged, name);
    if (isNew && count >= factsLimits[what]) left += 1;
    else {
      merged[name] = fact(event, `/payload/${what}/${escapePointer(name)}`, value) ?? { value, seq: event.seq };
      if (isNew) count += 1;
    }
  }
  if (left > 0) leaveOut(draft, event, what, left);
  return merged;
}

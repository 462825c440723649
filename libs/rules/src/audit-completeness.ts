// Whether everything is there: every output hashed, every digest known, every counted event arrived.
import { field, shown, type AuditField, type IsRegistered } from './audit-field.js';
import { trainingSets } from './audit-record.js';
import { deletionsOf } from './checkpoints.js';
import type { OutputFacts } from './material-facts.js';
import { missingCounters } from './producers.js';
import type { ProducerFacts, RunFacts } from './run-facts.js';
import { weightsOutput } from './weights.js';

const NAMED_MAX = 3;
/** The first few, and how many more. */
const named = (items: readonly string[]): string => {
  const more = items.length - NAMED_MAX;
  return items.slice(0, NAMED_MAX).map(shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
};

/** Every file of every output with its hash, the weights among them. A folder's registered manifest stands for its files. */
export function outputField(facts: RunFacts, isRegistered: IsRegistered): AuditField {
  const name = 'output_artifacts.adapter.files';
  const wanted = 'the final weights and every other output, each file with its sha256, registered';
  const weights = weightsOutput(facts);
  if (!weights) {
    const remedy = 'Record the final weights as an output of role weights, hashed.';
    return field(name, { state: 'missing', found: 'no output of role weights', wanted, seq: null, remedy });
  }
  const unhashed = facts.outputs.flatMap(unhashedFiles);
  if (unhashed.length > 0) {
    const found = `without a hash: ${named(unhashed.map(({ path }) => path))}`;
    const remedy = 'Record these outputs again, hashed.';
    return field(name, { state: 'incomplete', found, wanted, seq: unhashed[0]?.seq ?? null, remedy });
  }
  const unknown = facts.outputs.flatMap((output) =>
    digestsOf(output)
      .filter((digest) => !isRegistered(digest))
      .map((digest) => ({ digest, seq: output.seq })),
  );
  const [first] = unknown;
  if (first) {
    const found = `not registered: ${named(unknown.map(({ digest }) => digest))}`;
    const remedy = `Register the artifact ${first.digest}.`;
    return field(name, { state: 'unregistered', found, wanted, seq: first.seq, remedy });
  }
  const files = facts.outputs.reduce((sum, output) => sum + (output.files?.length ?? 1), 0);
  const found = `${files} files of ${facts.outputs.length} outputs`;
  return field(name, { state: 'present', found, wanted, seq: weights.seq, remedy: null });
}

function unhashedFiles({ role, path, digest, files, seq }: OutputFacts): { path: string; seq: number }[] {
  const place = path?.value ?? role;
  if (files === null || files.length === 0) return digest === null ? [{ path: place, seq }] : [];
  return files.filter((file) => file.digest === null).map((file) => ({ path: `${place}/${file.path}`, seq }));
}

const digestsOf = ({ digest, files }: OutputFacts): string[] =>
  digest ? [digest.value] : (files ?? []).flatMap((file) => file.digest ?? []);

/** Whatever else the record names by a digest: other inputs, evaluation sets, checkpoints that are still there. */
export function otherDigestsField(facts: RunFacts, isRegistered: IsRegistered): AuditField {
  const name = 'digests';
  const wanted = 'every other digest in the record is a registered artifact';
  const training = new Set(trainingSets(facts));
  const inputs = facts.inputs.filter(
    (input) => (input.kind === 'dataset' && !training.has(input)) || input.kind === 'other',
  );
  const deletions = deletionsOf(facts);
  const weights = weightsOutput(facts)?.digest?.value;
  const digests = [
    ...inputs.flatMap(({ digest }) => (digest ? [{ digest: digest.value, seq: digest.seq }] : [])),
    ...facts.checkpoints.flatMap(({ digest, seq }, index) => {
      const isGone = deletions[index] !== null && digest !== weights;
      return digest === null || isGone ? [] : [{ digest, seq }];
    }),
  ];
  const unknown = digests.filter(({ digest }) => !isRegistered(digest));
  const [first] = unknown;
  if (!first) {
    const seq = digests.at(-1)?.seq ?? null;
    return field(name, { state: 'present', found: `${digests.length} digests`, wanted, seq, remedy: null });
  }
  const found = `not registered: ${named(unknown.map(({ digest }) => digest))}`;
  const remedy = `Register the artifact ${first.digest}.`;
  return field(name, { state: 'unregistered', found, wanted, seq: first.seq, remedy });
}

/** Nothing lost, nothing left in a spool. A run whose endings name no producers is not judged by their counters. */
export function producersField(facts: RunFacts): AuditField {
  const { producers, endings, dropped } = facts;
  const wanted = 'every event that the producers counted, and nothing declared as lost';
  const of = (rest: Pick<AuditField, 'state' | 'found' | 'seq' | 'remedy'>) => field('producers', { wanted, ...rest });
  const lost = Object.entries(dropped.not_accepted).filter(([, count]) => count > 0);
  if (lost.length > 0 || dropped.set_aside_total > 0) {
    const parts = lost.map(([retention, count]) => `${count} of ${retention} not accepted by the spool`);
    if (dropped.set_aside_total > 0) parts.push(`${dropped.set_aside_total} events set aside`);
    const remedy = 'What the client gave up cannot be recorded again: train again, or have a person override the gate.';
    return of({ state: 'incomplete', found: parts.join(', '), seq: dropped.first_seq, remedy });
  }
  const ending = endings.find(({ counts_producers }) => counts_producers);
  if (!ending)
    return of({
      state: 'present',
      found: 'not judged by counters: no ending names producers',
      seq: null,
      remedy: null,
    });
  const gaps = producers.flatMap((producer) => {
    const missing = countMissing(producer);
    return missing === 0 ? [] : [`${missing} of ${countOf(producer)} events of producer ${producer.id}`];
  });
  if (gaps.length > 0) {
    const remedy = 'Let the client deliver what its spool still holds: start it again, or run it with the same spool.';
    return of({ state: 'incomplete', found: `not arrived: ${named(gaps)}`, seq: ending.seq, remedy });
  }
  return of({ state: 'present', found: `all events of ${producers.length} producers`, seq: ending.seq, remedy: null });
}

/** Events that the run's producers counted and that are not there. */
export const countMissingEvents = ({ producers }: RunFacts): number =>
  producers.reduce((sum, producer) => sum + countMissing(producer), 0);

const countMissing = (producer: ProducerFacts): number =>
  missingCounters(producer, countOf(producer)).reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** A producer that no ending counts is complete up to its newest event at best. */
const countOf = ({ expected, seen }: ProducerFacts): number => expected?.value ?? (seen.at(-1)?.[1] ?? -1) + 1;

/** What the rules do not keep they cannot vouch for. */
export function limitsField({ left_out }: RunFacts): AuditField {
  const wanted = 'no more of anything than is kept';
  const left = Object.entries(left_out).filter(
    ([what]) => what !== 'tags' && what !== 'overrides' && what !== 'annotations' && what !== 'faults',
  );
  if (left.length === 0) {
    return field('limits', { state: 'present', found: 'nothing left out', wanted, seq: null, remedy: null });
  }
  const found = left.map(([what, count]) => `${count} of ${what} left out`).join(', ');
  const remedy = 'Record folders by their manifest instead of by their files, and fewer single things.';
  return field('limits', { state: 'incomplete', found, wanted, seq: null, remedy });
}

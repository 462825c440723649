// What is seen of a run from beside: checkpoints that went, remarks, assessments of its weights.
import { append, fact, type Draft, type Told } from './draft.js';

/** Kept apart from what was saved: the one who looks at the folder may be heard before the one who saves. */
export function foldCheckpointDeleted(draft: Draft, event: Told<'run.checkpoint-deleted'>): void {
  const { seq, occurred_at: at, payload } = event;
  const deletion = { seq, at, ...payload };
  draft.checkpoints_deleted = append(draft, event, 'checkpointsDeleted', [draft.checkpoints_deleted, deletion]);
}

export function foldAnnotation(draft: Draft, event: Told<'run.annotated'>): void {
  const { seq, occurred_at: at, actor: by, payload } = event;
  draft.annotations = append(draft, event, 'annotations', [draft.annotations, { seq, at, by, ...payload }]);
}

/** Of one content what each of those who assessed it said last. */
export function foldAssessment(draft: Draft, event: Told<'artifact.assessed'>): void {
  const { seq, actor: by, stream, payload } = event;
  const tensors_finite = fact(event, '/payload/tensors_finite', payload.tensors_finite);
  if (payload.kind !== 'weights' || tensors_finite === null) return;
  const digest = stream.slice(stream.indexOf('/') + 1);
  const others = draft.assessments.filter((known) => known.digest !== digest || known.by !== by);
  draft.assessments = append(draft, event, 'assessments', [others, { seq, digest, by, tensors_finite }]);
}

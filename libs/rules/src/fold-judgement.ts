// What gates and people said of the run. The newest counts; whether it still holds is for the reader to decide.
import { append, type Draft, type Told } from './draft.js';

export function foldVerdict(draft: Draft, event: Told<'run.gates-evaluated'>): void {
  const { id, seq, hash, sealed_at } = event;
  const { overall, position, policy, engine, weights, gates } = event.payload;
  draft.verdicts += 1;
  draft.verdict = {
    ...{ id, seq, hash, sealed_at, overall, position, policy, engine, weights },
    gates: gates.map(({ id: gate, name, severity, verdict, shadow }) => ({
      id: gate,
      name,
      severity,
      verdict,
      shadow,
    })),
  };
}

export function foldAcceptance(draft: Draft, event: Told<'run.warnings-accepted'>): void {
  const { id, seq, actor, sealed_at } = event;
  draft.acceptance = { id, seq, actor, sealed_at, ...event.payload };
}

export function foldOverride(draft: Draft, event: Told<'run.gate-overridden'>): void {
  const { id, seq, actor, sealed_at } = event;
  draft.overrides = append(draft, event, 'overrides', [
    draft.overrides,
    { id, seq, actor, sealed_at, ...event.payload },
  ]);
}

import { words } from './formatting.js';

type Tone = 'good' | 'warn' | 'bad' | 'plain' | 'live';

/** Colour is never alone: each badge has its sign and its word. */
const STATES: Readonly<Record<string, readonly [Tone, string]>> = {
  running: ['live', '▶'],
  finished: ['plain', '■'],
  failed: ['bad', '✕'],
  killed: ['warn', '✕'],
  lost: ['bad', '?'],
};

const VERDICTS: Readonly<Record<string, readonly [Tone, string]>> = {
  passed: ['good', '✓'],
  pass: ['good', '✓'],
  warnings: ['warn', '!'],
  blocked: ['bad', '✕'],
  fail: ['bad', '✕'],
  error: ['bad', '✕'],
  missing: ['warn', '?'],
  overridden: ['warn', '↷'],
  skipped: ['plain', '–'],
};

export function Badge({ tone, sign, children }: { tone: Tone; sign: string; children: string }) {
  return (
    <span className={`badge badge-${tone}`}>
      <span aria-hidden="true">{sign}</span> {children}
    </span>
  );
}

export function StateBadge({ state }: { state: string }) {
  const [tone, sign] = STATES[state] ?? ['plain', '•'];
  return (
    <Badge tone={tone} sign={sign}>
      {words(state)}
    </Badge>
  );
}

/** Of a run or of one gate; null: not judged, which is no pass. */
export function VerdictBadge({ verdict }: { verdict: string | null }) {
  if (verdict === null) return <span className="soft">not judged</span>;
  const [tone, sign] = VERDICTS[verdict] ?? ['plain', '•'];
  return (
    <Badge tone={tone} sign={sign}>
      {words(verdict)}
    </Badge>
  );
}

export function StageBadge({ stage, isContested }: { stage: string; isContested: boolean }) {
  if (isContested) return <Badge tone="bad" sign="◆">{`${stage}, contested`}</Badge>;
  return (
    <Badge tone={stage === 'Production' ? 'good' : 'plain'} sign="◆">
      {stage === 'None' ? 'no stage' : stage}
    </Badge>
  );
}

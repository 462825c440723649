// Answers in the shapes that the services document, for a page that is looked at without them.
export type Json = Record<string, unknown>;

export const runId = (number: number) => `01920000-0000-7000-8000-${String(number).padStart(12, '0')}`;
export const digest = (number: number) => `sha256:${number.toString(16).padStart(2, '0').repeat(32)}`;

export const RUNS = { overfitting: runId(1), running: runId(2), broken: runId(3), plain: runId(4) };
export const ROOT_HEX = 'ab'.repeat(32);

export const whoAmI: Json = {
  principal: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
  kind: 'person',
  name: 'Ada',
  ledger: 'default',
  scopes: ['read'],
};

export const headNote = `lab-1a2b3c/default/0\n1284\n${Buffer.from(ROOT_HEX, 'hex').toString('base64')}\n\n— lab-1a2b3c/default/0 AAAA\n`;

export const status: Json = {
  ledger: 'default',
  newest: { epoch: 0, seq: 1290 },
  readers: [
    { name: 'lineage', position: { epoch: 0, seq: 1290 }, lag_records: 0, lag_s: 0, stopped: null, trouble: null },
    { name: 'gates', position: { epoch: 0, seq: 1288 }, lag_records: 2, lag_s: 0.1, stopped: null, trouble: null },
  ],
};

function runItem(number: number, change: Json): Json {
  return {
    run_id: runId(number),
    name: `run ${number}`,
    experiment: 'support-bot',
    model: 'support-bot',
    state: 'finished',
    started_at: '2026-01-26T10:30:00.123Z',
    ended_at: '2026-01-26T13:45:00Z',
    duration_seconds: 11_700,
    progress: { step: 300, total: 300 },
    final_loss: 1.0857,
    eval_loss: 1.2104,
    overall: 'passed',
    faults: 0,
    principal: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
    newest_seq: 1200 - number,
    ...change,
  };
}

const special = [
  runItem(1, { name: 'overfit-full', overall: 'blocked', final_loss: 0.0412, eval_loss: 2.31 }),
  runItem(2, {
    name: 'qlora-8b-night',
    state: 'running',
    ended_at: null,
    duration_seconds: null,
    progress: { step: 130, total: 300 },
    overall: null,
    eval_loss: null,
  }),
  runItem(3, {
    name: 'lr-too-high',
    state: 'failed',
    overall: 'blocked',
    final_loss: 'NaN',
    eval_loss: 'NaN',
    progress: { step: 40, total: 300 },
    duration_seconds: 42.5,
    faults: 2,
  }),
  runItem(4, { name: null, experiment: null, overall: 'warnings', state: 'killed', started_at: null, progress: {} }),
];
const others = Array.from({ length: 26 }, (_, index) => runItem(index + 5, {}));
export const all = [...special, ...others];

export function runsPage(query: URLSearchParams): Json {
  const limit = Number(query.get('limit') ?? 100);
  const from = Number(query.get('cursor') ?? 0);
  const [q, state, experiment] = [query.get('q') ?? '', query.get('state'), query.get('experiment')];
  const found = all.filter(
    (run) =>
      String(run['name'] ?? run['run_id']).includes(q) &&
      (state === null || run['state'] === state) &&
      (experiment === null || run['experiment'] === experiment),
  );
  const items = found.slice(from, from + limit);
  return { items, next_cursor: from + limit < found.length ? String(from + limit) : null };
}

export const experiments: Json = {
  items: [{ experiment: 'support-bot', runs: 29, running: 1, newest_seq: 1290 }],
  next_cursor: null,
};

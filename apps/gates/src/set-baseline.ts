import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EventPayload } from '@runseal/contracts';
import { inTransaction } from '@runseal/postgres';
import { canonicalMetric, directionOf } from '@runseal/rules';
import { RuntimeRefusal } from '@runseal/runtime';
import type { BaselineAnswer } from './answers.js';
import { readRunToJudge, type RunToJudge } from './deciding/run-to-judge.js';
import { parseExpression } from './engine/expression.js';
import type { Gate } from './engine/policy/policy.js';
import { RunView } from './engine/run-view.js';
import { Gates } from './gates.js';
import { GatesRefusal } from './refusal.js';
import type { BaselineRequest, BaselineValueRequest } from './requests.js';
import { sealCommand } from './seal-command.js';

/** What the event takes. */
const VALUES_MAX = 200;
type Values = EventPayload<'policy.baseline-set'>['values'];

export class SetBaseline {
  constructor(
    readonly request: BaselineRequest,
    readonly actor: string,
  ) {}
}

/** What later runs for a model are compared with: a run's metrics at its final weights, or numbers that a person states. */
@CommandHandler(SetBaseline)
export class SetBaselineHandler implements ICommandHandler<SetBaseline, BaselineAnswer> {
  constructor(private readonly gates: Gates) {}

  async execute({ request: { model, run, values: stated, reason }, actor }: SetBaseline): Promise<BaselineAnswer> {
    if ((run === undefined) === (stated === undefined)) throw oneOfBoth();
    const values = run === undefined ? (stated ?? []).map(toStated) : await this.readValues(run);
    const { pool, parts } = this.gates;
    const newest = await pool.query<{ seq: number }>(
      'select since_seq as seq from baselines where model = $1 order by since_seq desc limit 1',
      [model],
    );
    const stream = `policy/${model}`;
    const payload = { model, run: run ?? null, values, reason };
    const { seq } = await sealCommand(parts.door, {
      ...{ type: 'policy.baseline-set', stream, actor, payload },
      expect: [{ stream, type: 'policy.baseline-set', at: newest.rows[0]?.seq ?? -1 }],
    });
    return { ...payload, seq };
  }

  private async readValues(run: string): Promise<Values> {
    const judged = await inTransaction(this.gates.pool, async (connection) => {
      await connection.query('set transaction isolation level repeatable read, read only');
      return readRunToJudge(connection, run, { others: true });
    });
    if (!judged) throw new GatesRefusal('run_unknown', `There is no run ${run}.`);
    const values = valuesOf(judged);
    if (values.length > 0) return values;
    const { weights } = judged.input;
    const place = weights ? `those of step ${weights.step}` : 'which it does not name';
    throw new GatesRefusal('no_values', `Run ${run} has no finite metric of its final weights, ${place}.`);
  }
}

/**
 * Every metric that the final weights were evaluated by and that has a better side, or that the policy compares, with its record
 * and evaluation set.
 */
function valuesOf({ input, policy }: RunToJudge): Values {
  const view = new RunView(input, 3);
  const compared = new Set((policy?.gates ?? []).flatMap(metricsOf));
  const names = new Set([
    'eval_loss',
    ...input.attempts.flatMap(({ rows }) => Object.keys(rows.others)),
    ...input.taskMetrics.map(({ name }) => name),
  ]);
  const values = [...names].sort().flatMap((metric): Values => {
    // Perplexity follows from eval_loss wherever it is compared.
    const isWanted = directionOf(metric) !== null || compared.has(metric);
    const found = isWanted && metric !== 'perplexity' ? view.findFinal(metric) : null;
    if (!found || found.source === 'training' || !Number.isFinite(found.value)) return [];
    const { value, seq, standard_error, set } = found;
    return [{ metric, value, standard_error, evaluation_set: set && { kind: set.kind, digest: set.digest }, seq }];
  });
  return values.slice(0, VALUES_MAX);
}

/** What a gate compares with a baseline. */
function metricsOf(gate: Gate): readonly string[] {
  if (gate.check === 'task_quality')
    return Object.values(gate.tasks).flatMap((rules) => rules.map(({ metric }) => metric));
  if (gate.check === 'expression') return parseExpression(gate.expression).inputs.baselines;
  return gate.check === 'baseline' || gate.check === 'compare' || gate.check === 'noninferiority' ? [gate.metric] : [];
}

const toStated = ({ metric, value, standard_error, evaluation_set }: BaselineValueRequest): Values[number] => ({
  metric: canonicalMetric(metric),
  value,
  standard_error: standard_error ?? null,
  evaluation_set: evaluation_set ? { kind: evaluation_set.kind, digest: evaluation_set.digest } : null,
  seq: null,
});

function oneOfBoth(): RuntimeRefusal {
  const errors = [{ path: '', found: 'both or none of run and values', wanted: 'one of them' }];
  return new RuntimeRefusal('invalid_request', 'Found both or none of run and values, wanted one of them.', { errors });
}

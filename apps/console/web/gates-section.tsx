import type { Gate, Verdict } from './answers.js';
import { VerdictBadge } from './badges.js';
import { Answer, Empty } from './feedback.js';
import { plural, words } from './formatting.js';
import { Hash, Seq } from './hash.js';
import { useVerdicts } from './queries.js';

export function GatesSection({ id, isLive }: { id: string; isLive: boolean }) {
  const query = useVerdicts(id, isLive);
  return (
    <section aria-labelledby="gates">
      <h2 id="gates">Gates</h2>
      <Answer query={query} what="the gates' verdict">
        {([newest, ...older]) =>
          newest ? (
            <>
              <NewestVerdict verdict={newest} />
              <OlderVerdicts verdicts={older} />
            </>
          ) : (
            <Empty title="Not judged yet.">
              <p>
                {isLive
                  ? 'The gates judge when the run ends. The verdict shows here by itself.'
                  : `The gates have not come to this run yet, or do not run. runseal why ${id} tells more.`}
              </p>
            </Empty>
          )
        }
      </Answer>
    </section>
  );
}

function NewestVerdict({ verdict }: { verdict: Verdict }) {
  const { policy } = verdict;
  return (
    <>
      <p className="overall">
        <VerdictBadge verdict={verdict.overall} /> {wordsForUnmet(verdict.gates) || 'every gate that counts is met'}
      </p>
      <p className="soft">
        Judged by policy <code>{policy.id}</code>
        {policy.version === 0 ? ' (built in)' : policy.version !== null && ` version ${policy.version}`}
        {policy.hash && (
          <>
            {' '}
            <Hash value={policy.hash} of="the policy's hash" />
          </>
        )}
        {verdict.engine && (
          <>
            , engine <code>{verdict.engine}</code>
          </>
        )}
        {verdict.position !== null && (
          <>
            , on the records up to <Seq seq={verdict.position} />
          </>
        )}
        , sealed as <Seq seq={verdict.seq} />
      </p>
      <ol className="gates">
        {verdict.gates.map((gate) => (
          <GateItem key={gate.id} gate={gate} />
        ))}
      </ol>
    </>
  );
}

/** What the gate does to this run, and where it is met, what it would do. */
function Effect({ gate }: { gate: Gate }) {
  if (gate.isShadow) return <span className="soft">shadow: judged, not counted</span>;
  if (gate.severity === 'info') return <span className="soft">for information</span>;
  const isBlocking = gate.severity === 'block';
  if (isUnmet(gate)) return <strong className={isBlocking ? 'bad' : 'warn'}>{isBlocking ? 'blocks' : 'warns'}</strong>;
  return <span className="soft">{isBlocking ? 'blocks' : 'warns'} when unmet</span>;
}

const isUnmet = ({ verdict, isShadow }: Gate): boolean => !isShadow && ['fail', 'missing', 'error'].includes(verdict);

/** Whose fault it is: the gates that block before those that warn. */
function wordsForUnmet(gates: readonly Gate[]): string {
  const named = (severity: string) =>
    gates.filter((gate) => isUnmet(gate) && gate.severity === severity).map(({ id, name }) => `${id} ${words(name)}`);
  const parts = [
    ['blocked by', named('block')],
    ['warned by', named('warn')],
  ] as const;
  return parts.flatMap(([verb, ids]) => (ids.length === 0 ? [] : [`${verb} ${ids.join(', ')}`])).join('; ');
}

function GateItem({ gate }: { gate: Gate }) {
  return (
    <li className={`gate gate-${gate.verdict}`}>
      <h3>
        {gate.id} {words(gate.name)}
      </h3>
      <p className="gate-verdict">
        <VerdictBadge verdict={gate.verdict} />
        <Effect gate={gate} />
      </p>
      <Explanation text={gate.explanation} />
      {(gate.inputs.length > 0 || gate.baseline) && (
        <details>
          <summary>{plural(gate.inputs.length, 'input')}, with the records that they come from</summary>
          <GateInputs gate={gate} />
        </details>
      )}
    </li>
  );
}

const LISTED_MIN = 3;

/** A sentence; one that enumerates much is shown as a list. */
function Explanation({ text }: { text: string }) {
  const at = text.indexOf(': ');
  const items = text.slice(at + 2).split('; ');
  if (at < 0 || items.length < LISTED_MIN) return <p className="gate-why">{text}</p>;
  return (
    <div className="gate-why">
      {text.slice(0, at + 1)}
      <ul>
        {items.map((item, index) => (
          <li key={index}>{item}</li>
        ))}
      </ul>
    </div>
  );
}

function GateInputs({ gate }: { gate: Gate }) {
  return (
    <table className="inputs">
      <thead>
        <tr>
          <th scope="col">Input</th>
          <th scope="col">Value</th>
          <th scope="col">Record</th>
        </tr>
      </thead>
      <tbody>
        {gate.inputs.map((input, index) => (
          <tr key={index}>
            <th scope="row">{input.name}</th>
            <td className="value">{input.value}</td>
            <td>
              <Seq seq={input.seq} />
            </td>
          </tr>
        ))}
        {gate.baseline && (
          <tr>
            <th scope="row">baseline of {gate.baseline.metric}</th>
            <td className="value">{gate.baseline.value}</td>
            <td>
              <Seq seq={gate.baseline.seq} />
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function OlderVerdicts({ verdicts }: { verdicts: readonly Verdict[] }) {
  if (verdicts.length === 0) return null;
  return (
    <details>
      <summary>{plural(verdicts.length, 'older verdict')}, superseded and kept</summary>
      <ul>
        {verdicts.map((verdict) => (
          <li key={verdict.id}>
            <VerdictBadge verdict={verdict.overall} /> <Seq seq={verdict.seq} /> by policy{' '}
            <code>{verdict.policy.id}</code> version {verdict.policy.version}
          </li>
        ))}
      </ul>
    </details>
  );
}

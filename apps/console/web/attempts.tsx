import type { Fault, Remark, Run } from './answers.js';
import { formatBytes, formatCount, formatMetric, NONE, plural, words } from './formatting.js';
import { Hash, Seq, Time } from './hash.js';
import { Scroll } from './scroll.js';

export function Attempts({ run }: { run: Run }) {
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">Attempts</h2>
      {run.attempts.length === 0 ? (
        <p className="soft">No process has said yet that it works at this run.</p>
      ) : (
        <Scroll label="Table of attempts">
          <table>
            <thead>
              <tr>
                <th scope="col">Attempt</th>
                <th scope="col">Started</th>
                <th scope="col">From</th>
                <th scope="col" className="number">
                  Steps logged
                </th>
                <th scope="col" className="number">
                  Log rows
                </th>
                <th scope="col">Final weights</th>
                <th scope="col">Record</th>
              </tr>
            </thead>
            <tbody>
              {run.attempts.map((attempt) => (
                <tr key={attempt.id}>
                  <th scope="row" title={attempt.id}>
                    {attempt.number ?? NONE}
                  </th>
                  <td>
                    <Time time={attempt.startedAt} />
                  </td>
                  <td>{attempt.isResumed ? resumedFrom(attempt.resumesAtStep) : 'the start'}</td>
                  <td className="number">
                    {attempt.steps ? `${formatCount(attempt.steps.from)} to ${formatCount(attempt.steps.to)}` : NONE}
                  </td>
                  <td className="number">{attempt.rows === null ? NONE : formatCount(attempt.rows)}</td>
                  <td>{attempt.isBehindWeights ? 'rest on it' : <span className="soft">do not</span>}</td>
                  <td>
                    <Seq seq={attempt.seq} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

const resumedFrom = (step: number | null): string => (step === null ? 'an unknown step' : `step ${formatCount(step)}`);

export function Checkpoints({ run }: { run: Run }) {
  if (run.checkpoints.length === 0) return null;
  return (
    <section aria-labelledby="checkpoints">
      <h2 id="checkpoints">Checkpoints</h2>
      <Scroll label="Table of checkpoints">
        <table>
          <thead>
            <tr>
              <th scope="col" className="number">
                Step
              </th>
              <th scope="col" className="number">
                Eval loss <span className="unit">nats</span>
              </th>
              <th scope="col">Path</th>
              <th scope="col">Hash</th>
              <th scope="col" className="number">
                Size
              </th>
              <th scope="col">Record</th>
            </tr>
          </thead>
          <tbody>
            {run.checkpoints.map((checkpoint, index) => (
              <tr key={`${checkpoint.seq} ${index}`}>
                <th scope="row" className="number">
                  {checkpoint.step === null ? NONE : formatCount(checkpoint.step)}
                  {checkpoint.isBest && <span className="under good">★ best</span>}
                  {checkpoint.step === run.weights?.step && <span className="under">final weights</span>}
                  {checkpoint.deletedSeq !== null && (
                    <span className="under">
                      deleted since <Seq seq={checkpoint.deletedSeq} />
                    </span>
                  )}
                </th>
                <td className="number">{formatMetric(checkpoint.evalLoss)}</td>
                <td className="path">{checkpoint.path ?? NONE}</td>
                <td>
                  <Hash value={checkpoint.digest} of={`the hash of checkpoint ${checkpoint.step}`} />
                </td>
                <td className="number">{formatBytes(checkpoint.size_bytes)}</td>
                <td>
                  <Seq seq={checkpoint.seq} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

/** What clients and people noted, and what does not show because of it. */
export function Remarks({ remarks }: { remarks: readonly Remark[] }) {
  if (remarks.length === 0) return null;
  return (
    <section aria-labelledby="remarks">
      <h2 id="remarks">Remarks</h2>
      <ul className="faults">
        {remarks.map(({ name, said, hides, seq }, index) => (
          <li key={index}>
            <strong>{words(name)}</strong>
            {said !== null && `: ${said}`} <Seq seq={seq} />
            {hides !== null && <span className="under">{hides}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What does not fit together in the run's records. Shown, never judged here. */
export function Faults({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <section aria-labelledby="faults">
      <h2 id="faults">Faults</h2>
      <ul className="faults">
        {faults.map((fault, index) => (
          <li key={index}>
            <strong>{words(fault.kind)}</strong>: {fault.message}
            {fault.count > 1 && (
              <span className="soft"> ({plural(fault.count, 'time')}, first at this record)</span>
            )}{' '}
            <Seq seq={fault.seq} />
          </li>
        ))}
      </ul>
    </section>
  );
}

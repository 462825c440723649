import { getRouteApi, Link } from '@tanstack/react-router';
import type { Run } from './answers.js';
import { Attempts, Checkpoints, Faults, Remarks } from './attempts.js';
import { StageBadge, StateBadge, VerdictBadge } from './badges.js';
import { CurvesSection } from './curves-section.js';
import { Fact } from './fact.js';
import { Answer, Empty } from './feedback.js';
import { formatCount, formatDuration, formatMetric, NONE } from './formatting.js';
import { GatesSection } from './gates-section.js';
import { CopyButton, Seq, Time } from './hash.js';
import { HashesSection } from './hashes-section.js';
import { useRun } from './queries.js';
import { Problem } from './request.js';
import { ResourcesSection } from './resources-section.js';
import { ProgressOf } from './runs-page.js';
import { useTitle } from './title.js';

const route = getRouteApi('/runs/$id');

export function RunPage() {
  const { id } = route.useParams();
  const query = useRun(id);
  useTitle(query.data?.name ?? id);
  const { error } = query;
  const isUnknown = error instanceof Problem && [400, 404].includes(error.status);
  return (
    <>
      <p className="trail">
        <Link to="/">Runs</Link> <span aria-hidden="true">/</span>
      </p>
      {isUnknown && query.data === undefined ? (
        <Empty title="There is no such run.">
          <p>{error.message}</p>
          <p>A run that was started a moment ago may not be read yet: this page asks again by itself.</p>
        </Empty>
      ) : (
        <Answer query={query} what="this run">
          {(run) => <RunSections run={run} />}
        </Answer>
      )}
    </>
  );
}

function RunSections({ run }: { run: Run }) {
  const isLive = run.state === 'running';
  return (
    <>
      <RunHeading run={run} />
      <RunFacts run={run} />
      <CurvesSection id={run.id} isLive={isLive || run.overall === null} />
      <ResourcesSection id={run.id} isLive={isLive} />
      <GatesSection id={run.id} isLive={isLive} />
      <HashesSection run={run} />
      <Checkpoints run={run} />
      <Attempts run={run} />
      <Remarks remarks={run.remarks} />
      <Faults faults={run.faults} />
    </>
  );
}

function RunHeading({ run }: { run: Run }) {
  return (
    <>
      <h1>{run.name ?? run.id}</h1>
      <p className="under-heading">
        <StateBadge state={run.state} /> <VerdictBadge verdict={run.overall} />{' '}
        {run.model && <StageBadge stage={run.model.stage} isContested={isContested(run)} />}
        <span className="hash">
          {run.name !== null && <code>{run.id}</code>}
          <CopyButton text={run.id} what="the run's id" />
        </span>
      </p>
      {run.end && (
        <p className="notice notice-bad">
          Ended as <strong>{run.state}</strong>: {run.end.why} <Seq seq={run.end.seq} />
        </p>
      )}
      {run.acceptance && (
        <p className="notice">
          Warnings accepted by <code>{run.acceptance.by}</code>: {run.acceptance.reason}{' '}
          <Seq seq={run.acceptance.seq} />
        </p>
      )}
    </>
  );
}

function RunFacts({ run }: { run: Run }) {
  const { progress, summary, model } = run;
  return (
    <section aria-label="Facts">
      <dl className="facts">
        <Fact name="experiment">{run.experiment ?? 'not told'}</Fact>
        <Fact name="model">
          {model ? `${model.name}, version ${model.version}, stage ${model.stage}` : 'no version registered'}
          {isContested(run) && <strong className="bad"> contested: the newest verdict blocks</strong>}
        </Fact>
        <Fact name="trainer">{run.trainer ?? 'not told'}</Fact>
        <Fact name="objective">{run.objective ?? 'not told'}</Fact>
        <Fact name="started">
          <Time time={run.startedAt} />
        </Fact>
        <Fact name="ended">{run.state === 'running' ? 'not yet' : <Time time={run.endedAt} />}</Fact>
        <Fact name="took">
          {formatDuration(run.duration_s)}
          {run.active_s !== null && <span className="soft"> (at work {formatDuration(run.active_s)})</span>}
        </Fact>
        <Fact name="steps">
          <ProgressOf progress={progress} />
          {progress.epochs !== null && <span className="soft"> ({formatMetric(progress.epochs)} epochs)</span>}
        </Fact>
        <Fact name="loss, first and last">
          <Losses between=" → " values={[summary.initialLoss, summary.finalLoss]} />
        </Fact>
        <Fact name="eval loss, best and last">
          <Losses between=" · " values={[summary.bestEvalLoss, summary.finalEvalLoss]} />
        </Fact>
        <Fact name="log rows">{summary.rows === null ? '–' : formatCount(summary.rows)}</Fact>
        <Fact name="recorded">
          {run.recorded === 'afterwards' ? 'read in afterwards' : (run.recorded ?? 'not told')}, by{' '}
          <code title="the principal whose run it is">{run.principal ?? 'nobody known'}</code>
        </Fact>
      </dl>
    </section>
  );
}

/** People rely on the version and its run's newest verdict blocks. */
const isContested = ({ model, overall }: Run): boolean =>
  overall === 'blocked' && (model?.stage === 'Staging' || model?.stage === 'Production');

function Losses({ values, between }: { values: readonly Run['summary']['finalLoss'][]; between: string }) {
  if (values.every((value) => value === null)) return <>{NONE}</>;
  return (
    <>
      {values.map(formatMetric).join(between)} <span className="soft">nats</span>
    </>
  );
}

import { NotFoundException } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { findDocuments } from './find-document.js';
import type { ComparedSection, CompareAnswer } from './graph-answers.js';
import { Lineage } from './lineage.js';
import { runAnswerOf } from './run-answer.js';
import type { RunDocument } from './run-document.js';

export class CompareRuns {
  constructor(readonly runs: readonly string[]) {}
}

@QueryHandler(CompareRuns)
export class CompareRunsHandler implements IQueryHandler<CompareRuns, CompareAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ runs }: CompareRuns): Promise<CompareAnswer> {
    const found = await findDocuments(this.lineage.pool, runs);
    const unknown = runs.filter((run) => !found.has(run));
    if (unknown.length > 0) throw new NotFoundException(`There is no run ${unknown.join(', ')}.`);
    return compareDocuments(runs.map((run) => [run, found.get(run) as RunDocument]));
  }
}

/** What differs between runs, by section; `values` in their order. */
export function compareDocuments(documents: readonly (readonly [run: string, document: RunDocument])[]): CompareAnswer {
  const answers = documents.map(([run, document]) => runAnswerOf(run, document, { verdict: null, model: null }));
  return {
    runs: documents.map(([run_id, { facts }]) => ({
      run_id,
      name: facts.started?.name?.value ?? null,
      experiment: facts.started?.experiment.value ?? null,
      state: facts.state,
      overall: facts.verdict?.overall ?? null,
    })),
    parameters: compareFacts(answers.map(({ parameters }) => parameters)),
    metrics: compareFacts(
      answers.map(({ summary, evaluations, duration_seconds, active_seconds, progress }) => ({
        ...summary,
        ...{ duration_seconds, active_seconds, steps: progress.step },
        ...Object.fromEntries(evaluations.flatMap(({ metrics }) => metrics.map(({ name, value }) => [name, value]))),
      })),
    ),
    inputs: compareFacts(answers.map(({ inputs }) => inputFacts(inputs))),
    environment: compareFacts(answers.map(({ environment }) => (environment ? environmentFacts(environment) : {}))),
  };
}

type Facts = Readonly<Record<string, unknown>>;

function compareFacts(runs: readonly Facts[]): ComparedSection {
  const names = [...new Set(runs.flatMap((facts) => Object.keys(facts)))].sort();
  const differing: { name: string; values: unknown[] }[] = [];
  let same = 0;
  for (const name of names) {
    const values = runs.map((facts) => facts[name] ?? null);
    const [first, ...others] = values.map((value) => JSON.stringify(value));
    if (others.some((value) => value !== first)) differing.push({ name, values });
    else if (values[0] !== null) same += 1;
  }
  return { differing, same };
}

/** By kind, role and name, so that data sets of the same use stand side by side; the place on the machine is no difference. */
function inputFacts(inputs: ReturnType<typeof runAnswerOf>['inputs']): Facts {
  const facts: Record<string, unknown> = {};
  const counts = new Map<string, number>();
  for (const { kind, role, name, digest, facts: more } of inputs) {
    const use = [kind, role].filter((part) => part !== null).join('.');
    const count = (counts.get(use) ?? 0) + 1;
    counts.set(use, count);
    const prefix = count === 1 ? use : `${use}.${count}`;
    for (const [member, value] of Object.entries({ name, digest, ...more })) {
      if (value !== null) facts[`${prefix}.${member}`] = value;
    }
  }
  return facts;
}

function environmentFacts(environment: NonNullable<ReturnType<typeof runAnswerOf>['environment']>): Facts {
  const { seq: _, ...sections } = environment;
  const facts: Record<string, unknown> = {};
  for (const [section, value] of Object.entries(sections)) {
    if (typeof value !== 'object' || value === null) facts[section] = value;
    else for (const [name, one] of Object.entries(value)) facts[`${section}.${name}`] = one;
  }
  return facts;
}

import { NotFoundException } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { AsOf } from '@runseal/runtime';
import { answerOf, complianceAnswerOf } from './answer-of.js';
import type { ComplianceAnswer, VersionAnswer } from './answers.js';
import type { FullStanding } from './deciding/standing.js';
import { findMoment } from './moment.js';
import { foldStanding } from './past-standing.js';
import { readStanding } from './read-standing.js';
import { Registry } from './registry.js';

export class ShowVersion {
  constructor(
    readonly model: string,
    readonly version: number,
    readonly asOf?: AsOf,
  ) {}
}

@QueryHandler(ShowVersion)
export class ShowVersionHandler implements IQueryHandler<ShowVersion, VersionAnswer> {
  constructor(private readonly registry: Registry) {}

  async execute(query: ShowVersion): Promise<VersionAnswer> {
    return answerOf(await findStanding(this.registry, query));
  }
}

export class ShowCompliance extends ShowVersion {}

@QueryHandler(ShowCompliance)
export class ShowComplianceHandler implements IQueryHandler<ShowCompliance, ComplianceAnswer> {
  constructor(private readonly registry: Registry) {}

  async execute(query: ShowCompliance): Promise<ComplianceAnswer> {
    return complianceAnswerOf(await findStanding(this.registry, query));
  }
}

async function findStanding(registry: Registry, { model, version, asOf }: ShowVersion): Promise<FullStanding> {
  if (asOf === undefined) {
    const read = await readStanding(registry.pool, model, version);
    if (!read) throw new NotFoundException(`There is no version ${version} of a model ${model}.`);
    return read.standing;
  }
  const at = await findMoment(registry, asOf);
  const standing = await foldStanding(registry, model, version, at);
  if (!standing) throw new NotFoundException(`There was no version ${version} of a model ${model} at record ${at}.`);
  return standing;
}

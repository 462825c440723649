import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import type { Overall, RunSort, RunState } from './answers.js';
import type { EdgeClass } from './graph-answers.js';
import { UUID } from './nodes.js';
import type { LogChunkItem } from './observed-answers.js';
import { gpuNames, machineNames } from './resource-chunks.js';
import type { MetricKind } from './series.js';
import type { ResourceMetricName } from './show-resources.js';

const STATES: readonly RunState[] = ['running', 'finished', 'failed', 'killed', 'lost'];
const OVERALLS: readonly Overall[] = ['passed', 'warnings', 'blocked', 'overridden'];
const SORTS: readonly RunSort[] = [
  'first_seq',
  'newest_seq',
  'started_at',
  'ended_at',
  'name',
  'experiment',
  'state',
  'duration_seconds',
  'final_loss',
  'eval_loss',
];
const RESOURCE_METRICS: readonly ResourceMetricName[] = [...machineNames, ...gpuNames];
const CLASSES: readonly EdgeClass[] = ['influence', 'governance', 'release'];

/** A parameter that may come once or several times. */
const Several = () => Transform(({ value }: { value: unknown }) => (value === undefined ? undefined : [value].flat()));

class PageQuery {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  limit = 100;

  /** `next_cursor` of the page before. */
  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  cursor?: string;
}

export class RunsQuery extends PageQuery {
  @IsOptional()
  @IsIn(STATES)
  state?: RunState;

  @IsOptional()
  @IsString()
  @MaxLength(250)
  experiment?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string;

  /** Of the newest verdict. */
  @IsOptional()
  @IsIn(OVERALLS)
  overall?: Overall;

  /** Part of id, name, experiment or model. */
  @IsOptional()
  @IsString()
  @MaxLength(250)
  q?: string;

  /** Descending with - in front. */
  @IsIn(SORTS.flatMap((sort) => [sort, `-${sort}`]))
  sort: RunSort | `-${RunSort}` = '-first_seq';
}

export class ExperimentsQuery extends PageQuery {
  @IsOptional()
  @IsString()
  @MaxLength(250)
  q?: string;
}

export class RunParams {
  @Matches(UUID, { message: 'id must be the UUID of a run' })
  id!: string;
}

export class AsOfQuery {
  /** A seq or a time. */
  @IsOptional()
  @IsString()
  @MaxLength(40)
  as_of?: string;
}

export class MetricsQuery {
  /** Names of metrics; without any all. */
  @IsOptional()
  @Several()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(250, { each: true })
  key?: string[];

  @IsOptional()
  @IsIn(['train', 'eval', 'summary'] satisfies MetricKind[])
  kind?: MetricKind;

  /** Steps, both ends included. */
  @IsOptional()
  @Type(() => Number)
  @IsNumber()
  from?: number;

  @IsOptional()
  @Type(() => Number)
  @IsNumber()
  to?: number;

  /** Points of a series at most; csv has all. */
  @Type(() => Number)
  @IsInt()
  @Min(10)
  @Max(2_000)
  points = 1_000;

  @IsIn(['json', 'csv'])
  format: 'json' | 'csv' = 'json';
}

export class ResourcesQuery {
  /** Names of readings; without any all. */
  @IsOptional()
  @Several()
  @IsArray()
  @IsIn(RESOURCE_METRICS, { each: true })
  metric?: ResourceMetricName[];

  /** Points of a series at most. */
  @Type(() => Number)
  @IsInt()
  @Min(10)
  @Max(2_000)
  points = 1_000;
}

export class LogsQuery extends PageQuery {
  @IsOptional()
  @IsIn(['stdout', 'stderr'] satisfies LogChunkItem['source'][])
  source?: LogChunkItem['source'];
}

export class CompareQuery {
  @Several()
  @IsArray()
  @ArrayMinSize(2)
  @ArrayMaxSize(20)
  @Matches(UUID, { each: true, message: 'id must be 2 to 20 UUIDs of runs' })
  id!: string[];
}

export class NodeParams {
  /** A digest, a run's UUID, or any node's id or alias, percent-encoded. */
  @IsString()
  @Length(1, 1_000)
  id!: string;
}

export class WalkQuery extends AsOfQuery {
  /** Edges from the start. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  depth = 100;

  /** Nodes that are shown. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(2_000)
  limit = 500;

  @IsOptional()
  @Several()
  @IsArray()
  @IsIn(CLASSES, { each: true })
  class?: EdgeClass[];
}

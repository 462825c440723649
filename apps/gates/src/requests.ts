// What callers send, as class-validator checks it.
import { patterns } from '@runseal/contracts';
import { parseAsOf, type AsOf } from '@runseal/runtime';
import { Type } from 'class-transformer';
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
  ValidateNested,
} from 'class-validator';
import { PHASES, type Phase } from './leases.js';

/** Bytes of a body; the largest holds a policy of 65,536 characters. */
export const BODY_LIMIT = 512 * 1024;
const UUID = new RegExp(patterns.uuid);
const NO_NUL = new RegExp(patterns.text);
const NO_NUL_WORDS = { message: '$property text without NUL' };
const STREAM_ID = new RegExp(patterns.streamId);

export class RunParams {
  @Matches(UUID, { message: 'id the UUID of a run' })
  id!: string;
}

export class AsOfQuery {
  /** A seq or a time. */
  @IsOptional()
  @IsString()
  @MaxLength(40)
  as_of?: string;
}

export class PageQuery extends AsOfQuery {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit = 100;

  /** `next_cursor` of the page before. */
  @IsOptional()
  @IsString()
  @Length(1, 300)
  cursor?: string;
}

export class AcceptRequest {
  @IsString()
  @Length(1, 4_000)
  @Matches(NO_NUL, NO_NUL_WORDS)
  reason!: string;

  /** Refused where the newest verdict is another one. */
  @IsOptional()
  @Matches(UUID, { message: 'verdict the id of a verdict' })
  verdict?: string;
}

export class HeartbeatRequest {
  @Matches(UUID, { message: 'attempt the event id of its run.attempt-started' })
  attempt!: string;

  @IsIn(PHASES)
  phase!: Phase;
}

export class PolicyParams {
  @Matches(STREAM_ID, { message: 'id letters, digits and . _ : -, at most 200' })
  id!: string;
}

export class PublishRequest extends PolicyParams {
  /** YAML, in the long form or the short one. */
  @IsString()
  @Length(1, 65_536)
  @Matches(NO_NUL, NO_NUL_WORDS)
  source!: string;

  @IsOptional()
  @IsString()
  @Length(1, 4_000)
  @Matches(NO_NUL, NO_NUL_WORDS)
  reason?: string;
}

export class EvaluationSetRequest {
  @IsIn(['fixed', 'split'])
  kind!: 'fixed' | 'split';

  @Matches(new RegExp(patterns.digest), { message: 'digest sha256: and 64 lower-case hex digits' })
  digest!: string;
}

export class BaselineValueRequest {
  @IsString()
  @Length(1, 250)
  @Matches(NO_NUL, NO_NUL_WORDS)
  metric!: string;

  @IsNumber({ allowNaN: false, allowInfinity: false })
  value!: number;

  @IsOptional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  standard_error?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => EvaluationSetRequest)
  evaluation_set?: EvaluationSetRequest;
}

export class BaselineRequest {
  @Matches(STREAM_ID, { message: 'model letters, digits and . _ : -, at most 200' })
  model!: string;

  /** Its metrics are taken; or `values` say them. */
  @IsOptional()
  @Matches(UUID, { message: 'run the UUID of a run' })
  run?: string;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(200)
  @ValidateNested({ each: true })
  @Type(() => BaselineValueRequest)
  values?: BaselineValueRequest[];

  @IsString()
  @Length(1, 4_000)
  @Matches(NO_NUL, NO_NUL_WORDS)
  reason!: string;
}

export const asOfOf = ({ as_of }: AsOfQuery): AsOf | undefined => (as_of === undefined ? undefined : parseAsOf(as_of));

import { Type } from 'class-transformer';
import {
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { SCOPE_NAMES, type PrincipalKind, type ScopeName } from '@runseal/runtime';

const SEQ_MAX = Number.MAX_SAFE_INTEGER - 1;

export class RecordsQuery {
  /** The last seq that the caller has; -1 for the start. */
  @Type(() => Number)
  @IsInt()
  @Min(-1)
  @Max(SEQ_MAX)
  after = -1;

  /** `next_cursor` of the page before; goes before `after`. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(-1)
  @Max(SEQ_MAX)
  cursor?: number;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  limit = 100;

  @IsOptional()
  @IsString()
  @MaxLength(220)
  stream?: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  type?: string;
}

export class SeqParams {
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(SEQ_MAX)
  seq!: number;
}

export class HeadParams {
  @IsString()
  ledger!: string;

  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  epoch!: number;

  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(SEQ_MAX)
  number!: number;
}

export class CreateKeyRequest {
  /** A name for people; the same name and kind is the same principal. */
  @IsString()
  @Length(1, 200)
  principal!: string;

  @IsIn(['person', 'service'])
  kind!: PrincipalKind;

  @IsArray()
  @IsIn(SCOPE_NAMES, { each: true })
  scopes!: ScopeName[];

  /** RFC 3339; without it the key does not expire. */
  @IsOptional()
  @IsISO8601({ strict: true })
  expires?: string;
}

export class KeysQuery {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  limit = 100;

  @IsOptional()
  @Matches(/^[a-z2-7]{16}$/)
  cursor?: string;
}

export class KeyParams {
  @Matches(/^[a-z2-7]{16}$/)
  id!: string;
}

export class OpenEpochRequest {
  /** Why the database was set back; sealed in the ledger. */
  @IsString()
  @Length(1, 4_000)
  reason!: string;
}

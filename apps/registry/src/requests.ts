// What callers send, as class-validator checks it.
import { parseAsOf, RuntimeRefusal, type AsOf } from '@runseal/runtime';
import {
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { Type } from 'class-transformer';
import { patterns } from '@runseal/contracts';
import { STAGES, type Stage } from './deciding/version-state.js';

/** Bytes of a body; the largest holds 100 tags. */
export const BODY_LIMIT = 1024 * 1024;
const REASON_MAX = 4_000;
const NO_NUL = new RegExp(patterns.text);
const NO_NUL_WORDS = { message: '$property text without NUL' };

export class TransitionRequest {
  @IsIn([...STAGES])
  to!: Stage;

  @IsString()
  @Length(1, REASON_MAX)
  @Matches(NO_NUL, NO_NUL_WORDS)
  reason!: string;
}

export class ApprovalRequest {
  /** Without it: whichever request is open. */
  @IsOptional()
  @IsUUID()
  request?: string | null;

  @IsIn(['approve', 'refuse'])
  decision!: 'approve' | 'refuse';

  @IsString()
  @Length(1, 250)
  @Matches(NO_NUL, NO_NUL_WORDS)
  meaning!: string;

  @IsString()
  @Length(1, REASON_MAX)
  @Matches(NO_NUL, NO_NUL_WORDS)
  reason!: string;
}

export class TagsRequest {
  @IsObject()
  tags!: Record<string, unknown>;
}

export class RegistrationRequest {
  @IsUUID()
  run!: string;
}

export class VersionPath {
  @Matches(new RegExp(patterns.streamId))
  name!: string;

  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  @Type(() => Number)
  version!: number;
}

export class ModelPath {
  @Matches(new RegExp(patterns.streamId))
  name!: string;
}

export class AsOfQuery {
  @IsOptional()
  @IsString()
  as_of?: string;
}

export class ListQuery extends AsOfQuery {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(500)
  @Type(() => Number)
  limit?: number;

  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  @MinLength(1)
  cursor?: string;
}

export const LIMIT_DEFAULT = 100;

export const asOfOf = ({ as_of }: AsOfQuery): AsOf | undefined => (as_of === undefined ? undefined : parseAsOf(as_of));

const TAG_NAME = new RegExp(patterns.mapKey);
const TAGS_MAX = 100;
const TAG_LENGTH_MAX = 5_000;

/** Tags as the event takes them. Throws the refusal `invalid_request`, which never repeats a value. */
export function readTags({ tags }: TagsRequest): Record<string, string | null> {
  const entries = Object.entries(tags);
  if (entries.length < 1 || entries.length > TAGS_MAX)
    throw refuse('/tags', `${entries.length} names`, `1 to ${TAGS_MAX}`);
  for (const [name, value] of entries) {
    if (!TAG_NAME.test(name))
      throw refuse('/tags', 'a name of another form', 'names of at most 250 printable characters');
    const isText =
      typeof value === 'string' && NO_NUL.test(value) && value.length >= 1 && value.length <= TAG_LENGTH_MAX;
    if (value !== null && !isText) {
      throw refuse(`/tags/${name}`, 'something else', `a text of 1 to ${TAG_LENGTH_MAX} characters, or null`);
    }
  }
  return tags as Record<string, string | null>;
}

function refuse(path: string, found: string, wanted: string): RuntimeRefusal {
  const errors = [{ path, found, wanted }];
  return new RuntimeRefusal('invalid_request', `${path}: found ${found}, wanted ${wanted}.`, { errors });
}

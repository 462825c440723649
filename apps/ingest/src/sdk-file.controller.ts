import { fileURLToPath } from 'node:url';
import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { Scope } from '@runseal/runtime';
import { readSdkFile } from './sdk-file.js';

/** Where the build of the Python client leaves its wheel. */
const FOLDER = fileURLToPath(new URL('../../../libs/sdk-python/dist/', import.meta.url));

/** Hands the Python client out, so that a training node without internet can install it. pip sends no key, so none is asked for. */
@Controller('sdk')
export class SdkFileController {
  @Get(':file')
  @Header('content-type', 'application/octet-stream')
  @Scope('public')
  async file(@Param('file') file: string): Promise<Buffer> {
    const found = await readSdkFile(FOLDER, file);
    if (Buffer.isBuffer(found)) return found;
    const there = found.length > 0 ? `It has ${found.join(', ')}.` : 'It was built without Python, so it has none.';
    throw new NotFoundException(`This server has no such client. ${there}`);
  }
}

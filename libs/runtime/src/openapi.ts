import { Controller, Get, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { Scope } from './scope.js';

/** Holds the document between its making, when all routes are known, and its readers. */
export class OpenApiDocument {
  private document: OpenAPIObject | null = null;

  describe(app: INestApplication, service: { name: string; version: string }): void {
    const config = new DocumentBuilder()
      .setTitle(service.name)
      .setVersion(service.version)
      .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'rsk_<key id>_<secret>' })
      .addSecurityRequirements('bearer')
      .build();
    this.document = SwaggerModule.createDocument(app, config);
  }

  read(): OpenAPIObject {
    if (!this.document) throw new Error('The OpenAPI document is read before it was made.');
    return this.document;
  }
}

@Controller('v1')
export class OpenApiController {
  constructor(private readonly openApi: OpenApiDocument) {}

  @Get('openapi.json')
  @Scope('read', { verb: 'query' })
  document(): OpenAPIObject {
    return this.openApi.read();
  }
}

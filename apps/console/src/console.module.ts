import { Module, type DynamicModule } from '@nestjs/common';
import { PageController } from './page.controller.js';
import { PageFiles } from './page-files.js';

/** The page as a module: alone in its own process, or beside the services in `standalone`. */
@Module({})
export class ConsoleModule {
  /** `webFolder`: the built page, as a rule `consoleFolder`. Throws where it was not built. */
  static register({ webFolder }: { webFolder: string }): DynamicModule {
    return {
      module: ConsoleModule,
      controllers: [PageController],
      providers: [{ provide: PageFiles, useValue: PageFiles.read(webFolder) }],
    };
  }
}

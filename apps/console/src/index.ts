export { ConsoleModule } from './console.module.js';
export { consoleFolder } from './page-files.js';
export { consoleVariables } from './environment.js';
export { startConsole, type ConsoleOptions } from './start-console.js';

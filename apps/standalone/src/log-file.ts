import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const BYTES_MAX = 64 * 1024 * 1024;

/** Log lines in a file, written at once so that a crash loses none; the file before it is kept as `<path>.1`. */
export class LogFile {
  private fd: number;
  private bytes: number;

  constructor(
    private readonly path: string,
    private readonly bytesMax = BYTES_MAX,
  ) {
    this.fd = openSync(path, 'a', 0o600);
    this.bytes = fstatSync(this.fd).size;
  }

  write(line: string): void {
    try {
      if (this.bytes > this.bytesMax) this.turnOver();
      this.bytes += writeSync(this.fd, line);
    } catch {
      // A disk that is full for the log must not stop what is being logged; health and metrics still tell.
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  private turnOver(): void {
    renameSync(this.path, `${this.path}.1`);
    const fd = openSync(this.path, 'a', 0o600);
    closeSync(this.fd);
    this.fd = fd;
    this.bytes = 0;
  }
}

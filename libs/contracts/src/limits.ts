/** The sizes beyond which the door refuses. One place, so that the door, the clients and the documents name the same. */
export const limits = {
  /** Events in one request. */
  eventsPerRequest: 500,
  /** Body of one request, in bytes, after decompression. */
  requestBytes: 5 * 1024 * 1024,
  /** Canonical envelope, in bytes. */
  envelopeBytes: 16 * 1024,
  /** Canonical payload, in bytes: with its JSON escapes a relayed record still fits a 2 MiB message. */
  payloadBytes: 768 * 1024,
  /** Nesting of arrays and objects in a request's body. */
  jsonDepth: 32,
  /** Events that one call of seal takes. */
  eventsPerSeal: 500,
  /** Bytes that one call of seal takes. */
  sealBytes: 8 * 1024 * 1024,
  /** Largest value of an integer member: beyond it a double no longer tells neighbours apart. */
  integerMax: Number.MAX_SAFE_INTEGER,
  /** Conditions on streams in one event. */
  expectationsPerEvent: 16,
} as const;

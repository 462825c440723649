export { limits } from './limits.js';
export { patterns } from './scalars.js';
export type { RetentionClass, SealingRole, StreamKind } from './define-event.js';
export { eventTypes, isEventType, type EventPayload, type EventType, type EventTypeFacts } from './event-types.js';
export type { EventRequest, Expectation, KnownRecord, Producer, SubmittedEvent } from './submission.js';
export { Refusal, refusalCodes, type RefusalCode, type RefusalError } from './refusal.js';
export { isPayload, validateEvent, validateRequest } from './validation.js';
export { UnknownEventError, upcast, upcaster, type UpcastStep, type UpcastSteps } from './upcasting.js';

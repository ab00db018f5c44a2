// The door of the errors' room: every error class of the package.

export {
  AshRedisError,
  ClosedError,
  ConnectError,
  ConnectionError,
  type ErrorDetails,
  HandshakeError,
  LimitError,
  LinkLostError,
  MissingKeyError,
  OverflowError,
  ProtocolError,
  type ProtocolErrorDetails,
  ReplyError,
  type ReplyErrorDetails,
  TimeoutError,
  UsageError,
} from './errors.ts';

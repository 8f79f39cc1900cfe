// Declared cases
export {
  type ChainCase,
  type ChainCases,
  chainCases,
  type Expected,
  isCases,
  type SharedOfCases,
} from "./chain-cases.ts";
// Running a chain
export { type CallPart, ChainResult, type Forwarded } from "./chain-result.ts";
export { ChainTest, testChain, testResources } from "./chain-test.ts";
export type { Difference } from "./diff-json.ts";
export { testingErrors } from "./errors.ts";
// Recordings
export { type LiveOptions, type LiveTargets, liveTargets } from "./live-targets.ts";
// Mocks
export {
  type AnyBody,
  type Mock,
  type MockAnswer,
  type MockCall,
  type MockFailure,
  type MockReply,
  type MockSequence,
  refused,
  reply,
  reset,
  sequence,
  timedOut,
  unanswered,
} from "./mock.ts";
export type { OperationName } from "./operation-name.ts";
export {
  type LiveRun,
  type RecordedRun,
  type RecordOptions,
  recordRun,
  runLive,
} from "./record.ts";
export {
  expectAsRecorded,
  parseRecording,
  type RecordedCall,
  type Recording,
} from "./recording.ts";
export {
  type CaseFailure,
  type CaseReport,
  type RunCasesOptions,
  runCases,
} from "./run-cases.ts";
export type { SentCall } from "./sent-call.ts";
export type { SettledRecording } from "./settle-recording.ts";
export type { ShownRun } from "./shown-run.ts";
export type { TestRequest } from "./test-request.ts";

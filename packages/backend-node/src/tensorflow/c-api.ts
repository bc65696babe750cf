import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import koffi from "koffi";
import { libraryRemedy, type TensorFlowLibrary } from "../library.ts";
import { checkLibrary } from "../library-file.ts";
import { type TensorFlowType, types } from "./protobuf.ts";

/** A pointer into TensorFlow. */
export type Pointer = unknown;
export interface Output {
  readonly oper: Pointer;
  readonly index: number;
}

koffi.struct("TF_Output", { oper: "void*", index: "int" });

/** The functions of TensorFlow's C API that an engine needs. */
function bind({ ccLibrary, frameworkLibrary }: Pick<TensorFlowLibrary, "ccLibrary" | "frameworkLibrary">) {
  loadFramework(frameworkLibrary);
  const library = koffi.load(ccLibrary);
  for (const path of [frameworkLibrary, ccLibrary]) keepLoaded(path);
  const f = (prototype: string) => library.func(prototype);
  return {
    /** Gives freed memory back to the system. */
    trim: koffi.load("libc.so.6").func("int malloc_trim(size_t)"),
    version: f("str TF_Version()"),
    newStatus: f("void* TF_NewStatus()"),
    deleteStatus: f("void TF_DeleteStatus(void*)"),
    code: f("int TF_GetCode(void*)"),
    message: f("str TF_Message(void*)"),
    newBuffer: f("void* TF_NewBufferFromString(void*, size_t)"),
    deleteBuffer: f("void TF_DeleteBuffer(void*)"),
    newGraph: f("void* TF_NewGraph()"),
    deleteGraph: f("void TF_DeleteGraph(void*)"),
    newImportOptions: f("void* TF_NewImportGraphDefOptions()"),
    deleteImportOptions: f("void TF_DeleteImportGraphDefOptions(void*)"),
    setDefaultDevice: f("void TF_ImportGraphDefOptionsSetDefaultDevice(void*, str)"),
    importGraph: f("void TF_GraphImportGraphDef(void*, void*, void*, void*)"),
    operation: f("void* TF_GraphOperationByName(void*, str)"),
    newSessionOptions: f("void* TF_NewSessionOptions()"),
    deleteSessionOptions: f("void TF_DeleteSessionOptions(void*)"),
    setConfig: f("void TF_SetConfig(void*, void*, size_t, void*)"),
    setTarget: f("void TF_SetTarget(void*, str)"),
    newSession: f("void* TF_NewSession(void*, void*, void*)"),
    closeSession: f("void TF_CloseSession(void*, void*)"),
    deleteSession: f("void TF_DeleteSession(void*, void*)"),
    listDevices: f("void* TF_SessionListDevices(void*, void*)"),
    deviceCount: f("int TF_DeviceListCount(void*)"),
    deviceType: f("str TF_DeviceListType(void*, int, void*)"),
    deleteDevices: f("void TF_DeleteDeviceList(void*)"),
    newServer: f("void* TF_NewServer(void*, size_t, void*)"),
    startServer: f("void TF_ServerStart(void*, void*)"),
    serverTarget: f("str TF_ServerTarget(void*)"),
    allocateTensor: f("void* TF_AllocateTensor(int, int64_t*, int, size_t)"),
    tensorData: f("void* TF_TensorData(void*)"),
    tensorBytes: f("size_t TF_TensorByteSize(void*)"),
    deleteTensor: f("void TF_DeleteTensor(void*)"),
    run: f("void TF_SessionRun(void*, void*, TF_Output*, void**, int, TF_Output*, _Out_ void**, int, void**, int, void*, void*)"),
  };
}

/** Ends the process at once. Node's own exit waits for calls into TensorFlow, and one that waits for a lost worker has no end. */
export function exitNow(code: number): never {
  koffi.load("libc.so.6").func("void _exit(int)")(code);
  throw new Error("unreachable");
}

/** Keeps a library mapped until the process ends: koffi unloads its libraries as Node stops, and TensorFlow does not survive that. */
function keepLoaded(path: string): void {
  const [now, noDelete] = [2, 0x1000];
  koffi.load("libc.so.6").func("void* dlopen(const char*, int)")(path, now | noDelete);
}

/**
 * Opens by path what TensorFlow then asks for by name: its run path does not name the folder of cuSOLVER's wheel, and one library that it does not
 * find costs it the GPU.
 */
export function openCusolver(directory: string): void {
  const path = join(dirname(directory), "nvidia", "cusolver", "lib", "libcusolver.so.11");
  if (existsSync(path)) keepLoaded(path);
}

/** Loads TensorFlow's lower half, which writes a notice to stderr as it loads that no setting prevents. */
function loadFramework(path: string): void {
  const libc = koffi.load("libc.so.6");
  const [dup, dup2, open, close] = ["int dup(int)", "int dup2(int, int)", "int open(const char*, int)", "int close(int)"].map((f) => libc.func(f));
  const [stderr, nowhere] = [dup!(2), open!("/dev/null", 1)];
  dup2!(nowhere, 2);
  try {
    koffi.load(path, { global: true });
  } finally {
    dup2!(stderr, 2);
    close!(stderr);
    close!(nowhere);
  }
}

export type Api = ReturnType<typeof bind>;

const loaded = new Map<string, Api>();

/** Loads a libtensorflow; once a process. Throws an Error that says what to do where its files do not fit this machine or each other. */
export function load(library: TensorFlowLibrary): Api {
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  // Without it the first session's thread count would bind all later ones
  process.env["TF_OVERRIDE_GLOBAL_THREADPOOL"] ??= "1";
  // Without it cuBLAS and cuDNN round float32's products to TF32's 11 bits: predictions are then up to 9e-4 off
  process.env["NVIDIA_TF32_OVERRIDE"] ??= "0";
  const api = loaded.get(library.ccLibrary) ?? checkedBind(library);
  loaded.set(library.ccLibrary, api);
  return api;
}

function checkedBind(library: TensorFlowLibrary): Api {
  const remedy = libraryRemedy(library);
  for (const path of [library.frameworkLibrary, library.ccLibrary]) checkLibrary(path, remedy);
  try {
    return bind(library);
  } catch (error) {
    throw new Error(`Expected TensorFlow in ${library.directory} to load but found "${(error as Error).message.trim()}"; ${remedy}`, {
      cause: error,
    });
  }
}

/** Calls `use` with a status and throws TensorFlow's own message if it failed. */
export function checked<R>(api: Api, use: (status: Pointer) => R): R {
  const status = api.newStatus();
  try {
    const result = use(status);
    throwIfFailed(api, status);
    return result;
  } finally {
    api.deleteStatus(status);
  }
}

/** TF_Code of memory that has run out. */
const resourceExhausted = 8;

/** What TensorFlow says went wrong. */
export class TensorFlowError extends Error {
  /** All of its message, of which the error's has the first line. */
  readonly details: string;
  /** TF_Code. */
  readonly code: number;

  constructor(message: string, { details, code }: { readonly details: string; readonly code: number }) {
    super(message);
    this.details = details;
    this.code = code;
  }
}

/** Throws TensorFlow's own message, and the node at fault where it names one: a node is named after its part of the model. */
export function throwIfFailed(api: Api, status: Pointer): void {
  if (api.code(status) === 0) return;
  const message = (api.message(status) as string).replace(/^From \S+:\n/, ""); // a server's begin with its name
  const node = /\{\{node ([^}]+)\}\}/.exec(message)?.[1];
  const remedy =
    api.code(status) === resourceExhausted ? "; choose a smaller --train.batch or --count, more --train.accumulate or smaller images" : "";
  throw new TensorFlowError(`TensorFlow: ${message.split("\n")[0]}${node ? ` (in ${node})` : ""}${remedy}`, {
    details: message,
    code: api.code(status),
  });
}

/** Calls `use` with a TF_Buffer of `bytes`, or with null. */
export function withBuffer<R>(api: Api, bytes: Uint8Array, use: (buffer: Pointer) => R): R {
  const buffer = api.newBuffer(bytes, bytes.length);
  try {
    return use(buffer);
  } finally {
    api.deleteBuffer(buffer);
  }
}

/** Copies values into a new TF_Tensor. */
export function newTensor(api: Api, type: TensorFlowType, shape: readonly number[], values: Float32Array | Int32Array): Pointer {
  const tensor = api.allocateTensor(types[type], shape.map(BigInt), shape.length, values.byteLength);
  if (values.byteLength > 0) {
    const target = new Uint8Array(koffi.view(api.tensorData(tensor), values.byteLength));
    target.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return tensor;
}

/** Copies the float32 values out of a TF_Tensor and deletes it. */
export function takeTensor(api: Api, tensor: Pointer): Float32Array {
  const values = new Float32Array(koffi.view(api.tensorData(tensor), Number(api.tensorBytes(tensor))).slice(0));
  api.deleteTensor(tensor);
  return values;
}

/**
 * \file threadle.h
 *
 * \brief Threadle's own C API.
 */

#ifndef THREADLE_H
#define THREADLE_H

#include <wasm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

/** Why a call failed. The caller deletes it. */
typedef struct threadle_error threadle_error_t;

WASM_API_EXTERN threadle_error_t* threadle_error_new(const char* message);
WASM_API_EXTERN void threadle_error_delete(threadle_error_t* error);
/** The message with all its causes. The caller deletes it. It does not end with a null character. */
WASM_API_EXTERN void threadle_error_message(const threadle_error_t* error, wasm_name_t* out);
/** Was this the program's own end, by `proc_exit` of WASI? Then sets its status. */
WASM_API_EXTERN bool threadle_error_exit_status(const threadle_error_t* error, int* status);
/** The WebAssembly frames that were active, innermost first. The caller deletes them. */
WASM_API_EXTERN void threadle_error_wasm_trace(const threadle_error_t* error, wasm_frame_vec_t* out);

/* ---- Traps and frames, beyond wasm.h ---- */

/** Why the engine stopped a program. Numbers up to 49 are wasmtime's. */
typedef uint8_t threadle_trap_code_t;
enum threadle_trap_code_enum {
  THREADLE_TRAP_CODE_STACK_OVERFLOW = 0,
  THREADLE_TRAP_CODE_MEMORY_OUT_OF_BOUNDS = 1,
  THREADLE_TRAP_CODE_HEAP_MISALIGNED = 2,
  THREADLE_TRAP_CODE_TABLE_OUT_OF_BOUNDS = 3,
  THREADLE_TRAP_CODE_INDIRECT_CALL_TO_NULL = 4,
  THREADLE_TRAP_CODE_BAD_SIGNATURE = 5,
  THREADLE_TRAP_CODE_INTEGER_OVERFLOW = 6,
  THREADLE_TRAP_CODE_INTEGER_DIVISION_BY_ZERO = 7,
  THREADLE_TRAP_CODE_BAD_CONVERSION_TO_INTEGER = 8,
  THREADLE_TRAP_CODE_UNREACHABLE_CODE_REACHED = 9,
  THREADLE_TRAP_CODE_INTERRUPT = 10,
  THREADLE_TRAP_CODE_OUT_OF_FUEL = 11,
  THREADLE_TRAP_CODE_ATOMIC_WAIT_NON_SHARED_MEMORY = 12,
  THREADLE_TRAP_CODE_NULL_REFERENCE = 13,
  THREADLE_TRAP_CODE_ARRAY_OUT_OF_BOUNDS = 14,
  THREADLE_TRAP_CODE_ALLOCATION_TOO_LARGE = 15,
  THREADLE_TRAP_CODE_CAST_FAILURE = 16,
  /** Calls of the host that call programs again are nested too deep. */
  THREADLE_TRAP_CODE_TOO_MANY_ACTIVATIONS = 200,
  /** The garbage-collected heap cannot hold the object. */
  THREADLE_TRAP_CODE_OUT_OF_HEAP = 201,
  /** A function is too large for the engine's code. */
  THREADLE_TRAP_CODE_FUNCTION_TOO_LARGE = 202
};

/** A trap with a message of `size` bytes. Unlike `wasm_trap_new` it needs no store. */
WASM_API_EXTERN wasm_trap_t* threadle_trap_new(const char* message, size_t size);
/** The engine's own trap; null if there is none with this code. */
WASM_API_EXTERN wasm_trap_t* threadle_trap_new_code(threadle_trap_code_t code);
/** Is this one of the engine's own traps? Then sets its code. */
WASM_API_EXTERN bool threadle_trap_code(const wasm_trap_t* trap, threadle_trap_code_t* code);
/** From the module's name section; null if that does not say. Lent by the frame. */
WASM_API_EXTERN const wasm_name_t* threadle_frame_func_name(const wasm_frame_t* frame);
WASM_API_EXTERN const wasm_name_t* threadle_frame_module_name(const wasm_frame_t* frame);

/* ---- Text format ---- */

/** Translates a module's text to the binary format. The caller deletes the bytes. */
WASM_API_EXTERN threadle_error_t* threadle_wat2wasm(
  const char* text, size_t size, wasm_byte_vec_t* out);

#ifdef __cplusplus
}  /* extern "C" */
#endif

#endif  /* THREADLE_H */

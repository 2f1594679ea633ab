/**
 * \file threadle.h
 *
 * \brief Threadle's own C API, in wasmtime's shapes: where a function has wasmtime's name with
 * another prefix, it has its parameters and meaning. wasmtime.h maps the names.
 *
 * Beside wasm.h, whose types and engines it uses:
 *
 * - A **store** is freed by whoever made it, and everything in it with it. Objects in it are named by
 *   handles (`threadle_func_t` and so on), which are plain data: copied at will, never freed. A handle
 *   used with another store than its own is an error.
 * - A **context** is a store as functions use it: `threadle_store_context`, or in a host function
 *   `threadle_caller_context`. It is the same pointer everywhere, and good as long as the store.
 * - **References** to objects of the program and of the host (`threadle_externref_t`,
 *   `threadle_anyref_t` and its relatives, `threadle_exnref_t`) keep them. They are unrooted when they
 *   are not needed any more, and not used afterwards. So are values that hold one.
 * - What can fail returns an **error**, which the caller deletes, or null. Calls tell of the engine's
 *   traps and of exceptions that nothing caught in `*trap`, which the caller deletes too; if they
 *   leave neither, they succeeded. With null for `trap` a trap is an error.
 * - Null for a parameter that is not said to be optional is an error, or the result that stands for
 *   failure: null, `false`, zero.
 * - A **finalizer** is optional, and called once with the pointer it was given for.
 *
 * Threads are as in wasm.h. Linkers and modules belong to an engine and can be used by several threads
 * (a linker not while it is changed). Interrupt handles can be used by any thread.
 */

#ifndef THREADLE_H
#define THREADLE_H

#include <wasi.h>
#include <wasm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

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

/* ---- Configurations and engines ---- */

/** When functions are translated. */
typedef uint8_t threadle_compilation_mode_t;
enum threadle_compilation_mode_enum {
  /** Each when it is first called; modules are validated when they are made. The default. */
  THREADLE_COMPILATION_MODE_LAZY = 0,
  /** All when the module is made. */
  THREADLE_COMPILATION_MODE_EAGER = 1,
  /** Each is validated and translated when it is first called. */
  THREADLE_COMPILATION_MODE_LAZY_VALIDATION = 2
};

#define THREADLE_CONFIG_PROP(name, type) \
  WASM_API_EXTERN void threadle_config_##name##_set(wasm_config_t* config, type value);

/** Features of WebAssembly. On unless said otherwise. */
THREADLE_CONFIG_PROP(wasm_bulk_memory, bool)
/** Off by default, like the other proposals: threads and 128-bit arithmetic. */
THREADLE_CONFIG_PROP(wasm_custom_page_sizes, bool)
THREADLE_CONFIG_PROP(wasm_exceptions, bool)
THREADLE_CONFIG_PROP(wasm_extended_const, bool)
THREADLE_CONFIG_PROP(wasm_function_references, bool)
THREADLE_CONFIG_PROP(wasm_gc, bool)
/** References to anything but functions and host objects, which objects and exceptions need. */
THREADLE_CONFIG_PROP(wasm_gc_types, bool)
/** Exceptions in the form before their standard, which compilers still emit. */
THREADLE_CONFIG_PROP(wasm_legacy_exceptions, bool)
THREADLE_CONFIG_PROP(wasm_memory64, bool)
THREADLE_CONFIG_PROP(wasm_multi_memory, bool)
THREADLE_CONFIG_PROP(wasm_multi_value, bool)
THREADLE_CONFIG_PROP(wasm_reference_types, bool)
THREADLE_CONFIG_PROP(wasm_relaxed_simd, bool)
THREADLE_CONFIG_PROP(wasm_simd, bool)
THREADLE_CONFIG_PROP(wasm_tail_call, bool)
THREADLE_CONFIG_PROP(wasm_threads, bool)
THREADLE_CONFIG_PROP(wasm_wide_arithmetic, bool)

/** Whether shared memories can be made. `true` is `wasm_threads` too; `false` forbids them even with
 * that. Whatever `wasm_threads` says counts if this is not called. */
THREADLE_CONFIG_PROP(shared_memory, bool)
/** The same results of relaxed SIMD on every machine. Off by default. */
THREADLE_CONFIG_PROP(wasm_relaxed_simd_deterministic, bool)
/** Running code can be interrupted. Off by default. */
THREADLE_CONFIG_PROP(interruptible, bool)
/** Code counts what it executes, and stops when its store has no fuel left. Off by default. A store has
 * no fuel until `threadle_context_set_fuel` gives it some. */
THREADLE_CONFIG_PROP(consume_fuel, bool)
/** Code stops when the engine's epoch reaches its store's deadline. Off by default. A store's deadline
 * has been reached until `threadle_context_set_epoch_deadline` sets one. */
THREADLE_CONFIG_PROP(epoch_interruption, bool)
/** Several threads validate and translate large modules. On by default. */
THREADLE_CONFIG_PROP(parallel_compilation, bool)
/** Page faults instead of checks tell of accesses out of bounds, where that is supported. On. */
THREADLE_CONFIG_PROP(signals_based_traps, bool)
/** Bytes of a store's value stack. 8 MiB by default. */
THREADLE_CONFIG_PROP(max_wasm_stack, size_t)
/** How deep calls of the host into programs can be nested. 500 by default. */
THREADLE_CONFIG_PROP(max_activations, uint32_t)
/** Address space in bytes that is reserved for each memory, that guards it, and that is reserved in
 * advance when it has to move. */
THREADLE_CONFIG_PROP(memory_reservation, uint64_t)
THREADLE_CONFIG_PROP(memory_guard_size, uint64_t)
THREADLE_CONFIG_PROP(memory_reservation_for_growth, uint64_t)
/** May a memory move when it outgrows its reservation? On by default; else such a growth fails. */
THREADLE_CONFIG_PROP(memory_may_move, bool)
/** Address space in bytes of a store's garbage-collected heap: the most it can have. What the second
 * says only raises that, unless the third is off. */
THREADLE_CONFIG_PROP(gc_heap_maximum, uint64_t)
THREADLE_CONFIG_PROP(gc_heap_reservation, uint64_t)
THREADLE_CONFIG_PROP(gc_heap_may_move, bool)
/** Collects before every allocation, for tests. Off by default. */
THREADLE_CONFIG_PROP(gc_always, bool)
/** How many frames traps and errors tell of; 0 for none. 1024 by default. */
THREADLE_CONFIG_PROP(backtrace_frames, size_t)

/**
 * A memory's storage that the embedder made. `get_memory` tells where it is, how many bytes are there,
 * and up to how many it can grow without moving. `grow_memory` makes it so many bytes large, not fewer
 * than before, or returns an error, which the engine takes over. The bytes are used by nobody else, stay
 * until `grow_memory` returns or the finalizer is called, and fresh ones are zero. Any thread may call.
 */
typedef uint8_t* (*threadle_memory_get_callback_t)(
  void* env, size_t* byte_size, size_t* byte_capacity);
typedef threadle_error_t* (*threadle_memory_grow_callback_t)(void* env, size_t new_size);

typedef struct threadle_linear_memory {
  void* env;
  threadle_memory_get_callback_t get_memory;
  threadle_memory_grow_callback_t grow_memory;
  void (*finalizer)(void*);
} threadle_linear_memory_t;

/** Makes storage of `minimum` bytes that at most becomes `maximum` (`SIZE_MAX`: no maximum), or returns
 * an error, which the engine takes over. Nothing has to be reserved or guarded: both numbers are zero. */
typedef threadle_error_t* (*threadle_new_memory_callback_t)(
  void* env, const wasm_memorytype_t* type, size_t minimum, size_t maximum,
  size_t reserved_size_in_bytes, size_t guard_size_in_bytes, threadle_linear_memory_t* out);

typedef struct threadle_memory_creator {
  void* env;
  threadle_new_memory_callback_t new_memory;
  void (*finalizer)(void*);
} threadle_memory_creator_t;

/** Has the storage of memories made by the embedder, but for shared ones. Their accesses are checked
 * explicitly then. */
WASM_API_EXTERN void threadle_config_host_memory_creator_set(
  wasm_config_t* config, const threadle_memory_creator_t* creator);

WASM_API_EXTERN threadle_error_t* threadle_config_compilation_mode_set(
  wasm_config_t* config, threadle_compilation_mode_t mode);

/** Another reference to the same engine, to delete on its own. */
WASM_API_EXTERN wasm_engine_t* threadle_engine_clone(const wasm_engine_t* engine);
WASM_API_EXTERN bool threadle_engine_same(const wasm_engine_t* a, const wasm_engine_t* b);
/** Moves the engine's epoch one tick on. Any thread can do this, and a signal handler. */
WASM_API_EXTERN void threadle_engine_increment_epoch(const wasm_engine_t* engine);

/* ---- Types, beyond wasm.h ---- */

/** Kinds of value types that wasm.h lacks. */
enum threadle_valkind_enum {
  THREADLE_TYPE_V128 = 4,
  THREADLE_TYPE_ANYREF = 130,
  THREADLE_TYPE_EXNREF = 131
};

WASM_API_EXTERN wasm_valtype_t* threadle_valtype_v128(void);
WASM_API_EXTERN bool threadle_valtype_equal(const wasm_valtype_t* a, const wasm_valtype_t* b);

/** A memory type with everything that one can have. Pages have `2^page_size_log2` bytes: 16, or 0 for
 * engines with custom page sizes. Shared memories have a maximum. */
WASM_API_EXTERN threadle_error_t* threadle_memorytype_new(
  uint64_t minimum, bool maximum_present, uint64_t maximum, bool is_64, bool shared,
  uint8_t page_size_log2, wasm_memorytype_t** out);
WASM_API_EXTERN uint64_t threadle_memorytype_minimum(const wasm_memorytype_t* type);
/** Has the memory a maximum? Then sets it. */
WASM_API_EXTERN bool threadle_memorytype_maximum(const wasm_memorytype_t* type, uint64_t* out);
WASM_API_EXTERN bool threadle_memorytype_is64(const wasm_memorytype_t* type);
WASM_API_EXTERN bool threadle_memorytype_isshared(const wasm_memorytype_t* type);
WASM_API_EXTERN uint64_t threadle_memorytype_page_size(const wasm_memorytype_t* type);
WASM_API_EXTERN uint8_t threadle_memorytype_page_size_log2(const wasm_memorytype_t* type);

/* ---- Types of objects and exceptions, and of all references ---- */

/** How a field is kept: as a packed integer, or as a value. */
typedef uint8_t threadle_storage_type_kind_t;
#define THREADLE_STORAGE_TYPE_KIND_I8 0
#define THREADLE_STORAGE_TYPE_KIND_I16 1
#define THREADLE_STORAGE_TYPE_KIND_VALTYPE 2

typedef struct threadle_storage_type {
  threadle_storage_type_kind_t kind;
  /** The value's type, which the structure owns, if it is one. */
  wasm_valtype_t* valtype;
} threadle_storage_type_t;

/** A field of a structure, or the elements of an array. */
typedef struct threadle_field_type {
  bool mutable_;
  threadle_storage_type_t storage;
} threadle_field_type_t;

/** Clones own types of their own; `_delete` frees what the structure owns, not the structure. */
WASM_API_EXTERN void threadle_storage_type_clone(
  const threadle_storage_type_t* type, threadle_storage_type_t* out);
WASM_API_EXTERN void threadle_storage_type_delete(threadle_storage_type_t* type);
WASM_API_EXTERN void threadle_field_type_clone(
  const threadle_field_type_t* type, threadle_field_type_t* out);
WASM_API_EXTERN void threadle_field_type_delete(threadle_field_type_t* type);

/** The type of structures with these fields, which are lent; null if there is none. The caller deletes
 * it, and copies of it on their own. */
typedef struct threadle_struct_type threadle_struct_type_t;
WASM_API_EXTERN threadle_struct_type_t* threadle_struct_type_new(
  const wasm_engine_t* engine, const threadle_field_type_t* fields, size_t nfields);
WASM_API_EXTERN threadle_struct_type_t* threadle_struct_type_copy(
  const threadle_struct_type_t* type);
WASM_API_EXTERN void threadle_struct_type_delete(threadle_struct_type_t* type);
WASM_API_EXTERN size_t threadle_struct_type_num_fields(const threadle_struct_type_t* type);
/** `false`, and nothing in `out`, if there are not so many fields. The caller deletes `*out`. */
WASM_API_EXTERN bool threadle_struct_type_field(
  const threadle_struct_type_t* type, size_t index, threadle_field_type_t* out);

/** The type of arrays with such elements. The caller deletes it, and copies of it on their own. */
typedef struct threadle_array_type threadle_array_type_t;
WASM_API_EXTERN threadle_array_type_t* threadle_array_type_new(
  const wasm_engine_t* engine, const threadle_field_type_t* element);
WASM_API_EXTERN threadle_array_type_t* threadle_array_type_copy(const threadle_array_type_t* type);
WASM_API_EXTERN void threadle_array_type_delete(threadle_array_type_t* type);
/** The caller deletes `*out`. */
WASM_API_EXTERN void threadle_array_type_element(
  const threadle_array_type_t* type, threadle_field_type_t* out);

/** The type of exceptions with such a payload. The caller deletes it, and copies of it on their own. */
typedef struct threadle_exn_type threadle_exn_type_t;
/** Leaves `*out` as it is if it fails. */
WASM_API_EXTERN threadle_error_t* threadle_exn_type_new(
  const wasm_engine_t* engine, const wasm_valtype_vec_t* params, threadle_exn_type_t** out);
WASM_API_EXTERN threadle_exn_type_t* threadle_exn_type_copy(const threadle_exn_type_t* type);
WASM_API_EXTERN void threadle_exn_type_delete(threadle_exn_type_t* type);
/** The type of tags of such exceptions. The caller deletes it. */
WASM_API_EXTERN wasm_tagtype_t* threadle_exn_type_tag_type(const threadle_exn_type_t* type);

/** What a reference points to: one of the standard's types, or (`CONCRETE`) a defined one. */
typedef uint8_t threadle_heaptype_kind_t;
#define THREADLE_HEAPTYPE_KIND_EXTERN 0
#define THREADLE_HEAPTYPE_KIND_NOEXTERN 1
#define THREADLE_HEAPTYPE_KIND_FUNC 2
#define THREADLE_HEAPTYPE_KIND_CONCRETE_FUNC 3
#define THREADLE_HEAPTYPE_KIND_NOFUNC 4
#define THREADLE_HEAPTYPE_KIND_ANY 5
#define THREADLE_HEAPTYPE_KIND_NONE 6
#define THREADLE_HEAPTYPE_KIND_EQ 7
#define THREADLE_HEAPTYPE_KIND_I31 8
#define THREADLE_HEAPTYPE_KIND_ARRAY 9
#define THREADLE_HEAPTYPE_KIND_CONCRETE_ARRAY 10
#define THREADLE_HEAPTYPE_KIND_STRUCT 11
#define THREADLE_HEAPTYPE_KIND_CONCRETE_STRUCT 12
#define THREADLE_HEAPTYPE_KIND_EXN 13
#define THREADLE_HEAPTYPE_KIND_CONCRETE_EXN 14
#define THREADLE_HEAPTYPE_KIND_NOEXN 15

/** The defined type, which the structure owns. */
typedef union threadle_heaptype_union {
  wasm_functype_t* concrete_func;
  threadle_array_type_t* concrete_array;
  threadle_struct_type_t* concrete_struct;
  threadle_exn_type_t* concrete_exn;
} threadle_heaptype_union_t;

typedef struct threadle_heaptype {
  threadle_heaptype_kind_t kind;
  threadle_heaptype_union_t of;
} threadle_heaptype_t;

typedef struct threadle_reftype {
  bool nullable;
  threadle_heaptype_t heaptype;
} threadle_reftype_t;

typedef uint8_t threadle_valtype_kind_t;
#define THREADLE_VALTYPE_KIND_I32 0
#define THREADLE_VALTYPE_KIND_I64 1
#define THREADLE_VALTYPE_KIND_F32 2
#define THREADLE_VALTYPE_KIND_F64 3
#define THREADLE_VALTYPE_KIND_V128 4
#define THREADLE_VALTYPE_KIND_REF 5

/** What a `wasm_valtype_t` is, in full. `reftype` is for references only. */
typedef struct threadle_valtype {
  threadle_valtype_kind_t kind;
  threadle_reftype_t reftype;
} threadle_valtype_t;

/** As for fields: clones own types of their own, `_delete` frees what the structure owns. */
WASM_API_EXTERN void threadle_heaptype_clone(
  const threadle_heaptype_t* type, threadle_heaptype_t* out);
WASM_API_EXTERN void threadle_heaptype_delete(threadle_heaptype_t* type);
WASM_API_EXTERN void threadle_reftype_clone(
  const threadle_reftype_t* type, threadle_reftype_t* out);
WASM_API_EXTERN void threadle_reftype_delete(threadle_reftype_t* type);
WASM_API_EXTERN void threadle_valtype_new(const wasm_valtype_t* type, threadle_valtype_t* out);
WASM_API_EXTERN void threadle_valtype_clone(
  const threadle_valtype_t* type, threadle_valtype_t* out);
WASM_API_EXTERN void threadle_valtype_delete(threadle_valtype_t* type);
/** The caller deletes it. Null if it is not a type. `engine` is only needed for types of functions. */
WASM_API_EXTERN wasm_valtype_t* threadle_valtype_to_wasm(
  const wasm_engine_t* engine, const threadle_valtype_t* type);

/* ---- Modules ---- */

/** A module of an engine. The caller deletes it, and clones of it on their own. */
typedef struct threadle_module threadle_module_t;

WASM_API_EXTERN threadle_error_t* threadle_module_new(
  wasm_engine_t* engine, const uint8_t* wasm, size_t size, threadle_module_t** out);
WASM_API_EXTERN threadle_error_t* threadle_module_validate(
  wasm_engine_t* engine, const uint8_t* wasm, size_t size);
/**
 * The module as bytes for `threadle_module_deserialize`, by an engine of the same version with the same
 * settings, on any machine. The caller deletes them.
 */
WASM_API_EXTERN threadle_error_t* threadle_module_serialize(
  const threadle_module_t* module, wasm_byte_vec_t* out);
/** Makes a module of such bytes. They are verified, so that bytes from anywhere do no harm. */
WASM_API_EXTERN threadle_error_t* threadle_module_deserialize(
  wasm_engine_t* engine, const uint8_t* bytes, size_t size, threadle_module_t** out);
/** The same with a file that has them. */
WASM_API_EXTERN threadle_error_t* threadle_module_deserialize_file(
  wasm_engine_t* engine, const char* path, threadle_module_t** out);
WASM_API_EXTERN void threadle_module_delete(threadle_module_t* module);
WASM_API_EXTERN threadle_module_t* threadle_module_clone(const threadle_module_t* module);
WASM_API_EXTERN void threadle_module_imports(
  const threadle_module_t* module, wasm_importtype_vec_t* out);
WASM_API_EXTERN void threadle_module_exports(
  const threadle_module_t* module, wasm_exporttype_vec_t* out);

/* ---- Stores and contexts ---- */

typedef struct threadle_store threadle_store_t;
typedef struct threadle_context threadle_context_t;

/** `data` is the embedder's own; see `threadle_context_get_data`. */
WASM_API_EXTERN threadle_store_t* threadle_store_new(
  wasm_engine_t* engine, void* data, void (*finalizer)(void*));
/** Not to be called while the store's code runs: then it does nothing, and the store is never freed. */
WASM_API_EXTERN void threadle_store_delete(threadle_store_t* store);
WASM_API_EXTERN threadle_context_t* threadle_store_context(threadle_store_t* store);

/**
 * Limits what the store's programs use: bytes of each memory, elements of each table, and how many
 * instances, tables and memories there can be. Negative numbers are no limit, which is the default.
 */
WASM_API_EXTERN void threadle_store_limiter(
  threadle_store_t* store, int64_t memory_size, int64_t table_elements, int64_t instances,
  int64_t tables, int64_t memories);

WASM_API_EXTERN void* threadle_context_get_data(const threadle_context_t* context);
/** The finalizer stays, and is called with the pointer that is set last. */
WASM_API_EXTERN void threadle_context_set_data(threadle_context_t* context, void* data);
/** Frees objects that nothing reaches. */
WASM_API_EXTERN threadle_error_t* threadle_context_gc(threadle_context_t* context);
/** Takes the configuration over. */
WASM_API_EXTERN threadle_error_t* threadle_context_set_wasi(
  threadle_context_t* context, wasi_config_t* wasi);

/* ---- Fuel and epochs ---- */

/** Sets the fuel that is left. Code that needs more ends with THREADLE_TRAP_CODE_OUT_OF_FUEL. An error
 * if the engine does not count fuel. */
WASM_API_EXTERN threadle_error_t* threadle_context_set_fuel(
  threadle_context_t* context, uint64_t fuel);
WASM_API_EXTERN threadle_error_t* threadle_context_get_fuel(
  const threadle_context_t* context, uint64_t* fuel);
/** Has asynchronous calls yield whenever so much fuel has been used up; 0 is never, the default. Calls
 * that are not asynchronous fail then. */
WASM_API_EXTERN threadle_error_t* threadle_context_fuel_async_yield_interval(
  threadle_context_t* context, uint64_t interval);

/** Sets the deadline so many ticks ahead of the engine's epoch. Code that reaches it ends with
 * THREADLE_TRAP_CODE_INTERRUPT, if nothing else was said. */
WASM_API_EXTERN void threadle_context_set_epoch_deadline(
  threadle_context_t* context, uint64_t ticks_beyond_current);
/** Has asynchronous calls yield when they reach the deadline, which then is `delta` ticks ahead. Calls
 * that are not asynchronous fail then. */
WASM_API_EXTERN threadle_error_t* threadle_context_epoch_deadline_async_yield_and_update(
  threadle_context_t* context, uint64_t delta);

/** How code goes on whose deadline was reached. */
typedef uint8_t threadle_update_deadline_kind_t;
/** At once. */
#define THREADLE_UPDATE_DEADLINE_CONTINUE 0
/** After its asynchronous call has yielded. Other calls end as if nothing had been said. */
#define THREADLE_UPDATE_DEADLINE_YIELD 1

/** Is called when code reaches the deadline. Sets how many ticks ahead the next one is, and how the code
 * goes on (at once, if it does not say); or returns an error, which the engine takes over and which ends
 * the code. It can use the context. */
typedef threadle_error_t* (*threadle_epoch_deadline_callback_t)(
  threadle_context_t* context, void* data, uint64_t* epoch_deadline_delta,
  threadle_update_deadline_kind_t* update_kind);

/** Says what happens when code reaches the deadline; null for `callback` is the default, a trap. Not to
 * be called while the store's code runs: then it does nothing. */
WASM_API_EXTERN void threadle_store_epoch_deadline_callback(
  threadle_store_t* store, threadle_epoch_deadline_callback_t callback, void* data,
  void (*finalizer)(void*));

/* ---- Interruption ---- */

/** Interrupts a store from any thread; can outlive it. */
typedef struct threadle_interrupt_handle threadle_interrupt_handle_t;

WASM_API_EXTERN threadle_interrupt_handle_t* threadle_context_interrupt_handle(
  threadle_context_t* context);
/**
 * Ends the store's code with THREADLE_TRAP_CODE_INTERRUPT: waiting at a shared memory at once, running
 * code at its next call or loop iteration if its engine's configuration is `interruptible`. A request
 * that finds nothing to stop waits for it.
 */
WASM_API_EXTERN void threadle_interrupt_handle_interrupt(threadle_interrupt_handle_t* handle);
WASM_API_EXTERN void threadle_interrupt_handle_delete(threadle_interrupt_handle_t* handle);

/* ---- Handles ---- */

/** A function; null if `store_id` is zero. */
typedef struct threadle_func {
  uint64_t store_id;
  uint64_t private_;
} threadle_func_t;

typedef struct threadle_global {
  uint64_t store_id;
  uint64_t private_;
} threadle_global_t;

typedef struct threadle_table {
  uint64_t store_id;
  uint64_t private_;
} threadle_table_t;

typedef struct threadle_memory {
  uint64_t store_id;
  uint64_t private_;
} threadle_memory_t;

typedef struct threadle_tag {
  uint64_t store_id;
  uint64_t private_;
} threadle_tag_t;

typedef struct threadle_instance {
  uint64_t store_id;
  uint64_t private_;
} threadle_instance_t;

typedef struct threadle_sharedmemory threadle_sharedmemory_t;

typedef uint8_t threadle_extern_kind_t;
#define THREADLE_EXTERN_FUNC 0
#define THREADLE_EXTERN_GLOBAL 1
#define THREADLE_EXTERN_TABLE 2
#define THREADLE_EXTERN_MEMORY 3
#define THREADLE_EXTERN_SHAREDMEMORY 4
#define THREADLE_EXTERN_TAG 5

typedef union threadle_extern_union {
  threadle_func_t func;
  threadle_global_t global;
  threadle_table_t table;
  threadle_memory_t memory;
  threadle_sharedmemory_t* sharedmemory;
  threadle_tag_t tag;
} threadle_extern_union_t;

/** An import or export. Owns the shared memory, if it is one. */
typedef struct threadle_extern {
  threadle_extern_kind_t kind;
  threadle_extern_union_t of;
} threadle_extern_t;

WASM_API_EXTERN void threadle_extern_delete(threadle_extern_t* item);
WASM_API_EXTERN wasm_externtype_t* threadle_extern_type(
  threadle_context_t* context, const threadle_extern_t* item);

/* ---- References ---- */

/** A reference to a host object; null if `store_id` is zero. */
typedef struct threadle_externref {
  uint64_t store_id;
  uint64_t private1;
  void* private2;
} threadle_externref_t;

/** A reference to an object of the program, or to a small integer. */
typedef struct threadle_anyref {
  uint64_t store_id;
  uint64_t private1;
  void* private2;
} threadle_anyref_t;

/** One of which the type is known better. */
typedef struct threadle_eqref {
  uint64_t store_id;
  uint64_t private1;
  void* private2;
} threadle_eqref_t;

typedef struct threadle_structref {
  uint64_t store_id;
  uint64_t private1;
  void* private2;
} threadle_structref_t;

typedef struct threadle_arrayref {
  uint64_t store_id;
  uint64_t private1;
  void* private2;
} threadle_arrayref_t;

/** A reference to an exception. */
typedef struct threadle_exnref {
  uint64_t store_id;
  uint64_t private1;
  void* private2;
} threadle_exnref_t;

/** `_set_null` does not unroot what was there before. `_clone` makes a reference of its own. */
#define THREADLE_DECLARE_REF(name) \
  static inline void threadle_##name##_set_null(threadle_##name##_t* ref) { \
    ref->store_id = 0; \
  } \
  static inline bool threadle_##name##_is_null(const threadle_##name##_t* ref) { \
    return ref->store_id == 0; \
  } \
  WASM_API_EXTERN void threadle_##name##_clone( \
    const threadle_##name##_t* ref, threadle_##name##_t* out); \
  WASM_API_EXTERN void threadle_##name##_unroot(threadle_##name##_t* ref);

THREADLE_DECLARE_REF(externref)
THREADLE_DECLARE_REF(anyref)
THREADLE_DECLARE_REF(eqref)
THREADLE_DECLARE_REF(structref)
THREADLE_DECLARE_REF(arrayref)
THREADLE_DECLARE_REF(exnref)

static inline void threadle_funcref_set_null(threadle_func_t* func) { func->store_id = 0; }
static inline bool threadle_funcref_is_null(const threadle_func_t* func) {
  return func->store_id == 0;
}

/* ---- Values ---- */

typedef uint8_t threadle_valkind_t;
#define THREADLE_I32 0
#define THREADLE_I64 1
#define THREADLE_F32 2
#define THREADLE_F64 3
#define THREADLE_V128 4
#define THREADLE_FUNCREF 5
#define THREADLE_EXTERNREF 6
#define THREADLE_ANYREF 7
#define THREADLE_EXNREF 8

/** In little-endian order. */
typedef uint8_t threadle_v128[16];

typedef union threadle_valunion {
  int32_t i32;
  int64_t i64;
  float32_t f32;
  float64_t f64;
  threadle_anyref_t anyref;
  threadle_externref_t externref;
  threadle_exnref_t exnref;
  threadle_func_t funcref;
  threadle_v128 v128;
} threadle_valunion_t;

typedef struct threadle_val {
  threadle_valkind_t kind;
  threadle_valunion_t of;
} threadle_val_t;

WASM_API_EXTERN void threadle_val_unroot(threadle_val_t* value);
WASM_API_EXTERN void threadle_val_clone(const threadle_val_t* value, threadle_val_t* out);

/**
 * A value without its kind. References are numbers, zero for null: those of functions are good as long
 * as the store; those of objects until the host function returns that they were made in, or, made by
 * its caller, until the next `threadle_func_call_unchecked` of a function with references begins.
 */
typedef union threadle_val_raw {
  int32_t i32;
  int64_t i64;
  float32_t f32;
  float64_t f64;
  threadle_v128 v128;
  uint32_t anyref;
  uint32_t externref;
  uint32_t exnref;
  void* funcref;
} threadle_val_raw_t;

/** Conversions between references and their numbers. A number that leads nowhere becomes null. */
#define THREADLE_DECLARE_RAW(name) \
  WASM_API_EXTERN void threadle_##name##_from_raw( \
    threadle_context_t* context, uint32_t raw, threadle_##name##_t* out); \
  WASM_API_EXTERN uint32_t threadle_##name##_to_raw( \
    threadle_context_t* context, const threadle_##name##_t* ref);

THREADLE_DECLARE_RAW(externref)
THREADLE_DECLARE_RAW(anyref)
THREADLE_DECLARE_RAW(exnref)
WASM_API_EXTERN void threadle_func_from_raw(
  threadle_context_t* context, void* raw, threadle_func_t* out);
WASM_API_EXTERN void* threadle_func_to_raw(
  threadle_context_t* context, const threadle_func_t* func);

/** A host object: a pointer that programs can hold. `false` if there is no room for it. */
WASM_API_EXTERN bool threadle_externref_new(
  threadle_context_t* context, void* data, void (*finalizer)(void*), threadle_externref_t* out);
/** The pointer; null if the object is another kind's. */
WASM_API_EXTERN void* threadle_externref_data(
  threadle_context_t* context, const threadle_externref_t* ref);

/** Small integers (of 31 bits: the low ones are taken) and tests and conversions of references, which
 * make references of their own. */
#define THREADLE_DECLARE_I31(name) \
  WASM_API_EXTERN void threadle_##name##_from_i31( \
    threadle_context_t* context, uint32_t value, threadle_##name##_t* out); \
  WASM_API_EXTERN bool threadle_##name##_is_i31( \
    threadle_context_t* context, const threadle_##name##_t* ref); \
  WASM_API_EXTERN bool threadle_##name##_i31_get_u( \
    threadle_context_t* context, const threadle_##name##_t* ref, uint32_t* out); \
  WASM_API_EXTERN bool threadle_##name##_i31_get_s( \
    threadle_context_t* context, const threadle_##name##_t* ref, int32_t* out);

#define THREADLE_DECLARE_DOWNCAST(from, test, to) \
  WASM_API_EXTERN bool threadle_##from##_is_##test( \
    threadle_context_t* context, const threadle_##from##_t* ref); \
  WASM_API_EXTERN bool threadle_##from##_as_##test( \
    threadle_context_t* context, const threadle_##from##_t* ref, threadle_##to##_t* out);

#define THREADLE_DECLARE_UPCAST(from, to) \
  WASM_API_EXTERN void threadle_##from##_to_##to( \
    const threadle_##from##_t* ref, threadle_##to##_t* out);

THREADLE_DECLARE_I31(anyref)
THREADLE_DECLARE_I31(eqref)
THREADLE_DECLARE_DOWNCAST(anyref, eqref, eqref)
THREADLE_DECLARE_DOWNCAST(anyref, struct, structref)
THREADLE_DECLARE_DOWNCAST(anyref, array, arrayref)
THREADLE_DECLARE_DOWNCAST(eqref, struct, structref)
THREADLE_DECLARE_DOWNCAST(eqref, array, arrayref)
THREADLE_DECLARE_UPCAST(eqref, anyref)
THREADLE_DECLARE_UPCAST(structref, anyref)
THREADLE_DECLARE_UPCAST(structref, eqref)
THREADLE_DECLARE_UPCAST(arrayref, anyref)
THREADLE_DECLARE_UPCAST(arrayref, eqref)

/** Fields and elements. The caller unroots values that it gets; packed integers are zero-extended. */
WASM_API_EXTERN threadle_error_t* threadle_structref_field(
  threadle_context_t* context, const threadle_structref_t* ref, size_t index, threadle_val_t* out);
WASM_API_EXTERN threadle_error_t* threadle_structref_set_field(
  threadle_context_t* context, const threadle_structref_t* ref, size_t index,
  const threadle_val_t* value);
WASM_API_EXTERN threadle_error_t* threadle_arrayref_len(
  threadle_context_t* context, const threadle_arrayref_t* ref, uint32_t* out);
WASM_API_EXTERN threadle_error_t* threadle_arrayref_get(
  threadle_context_t* context, const threadle_arrayref_t* ref, uint32_t index, threadle_val_t* out);
WASM_API_EXTERN threadle_error_t* threadle_arrayref_set(
  threadle_context_t* context, const threadle_arrayref_t* ref, uint32_t index,
  const threadle_val_t* value);

WASM_API_EXTERN threadle_error_t* threadle_exnref_tag(
  threadle_context_t* context, const threadle_exnref_t* ref, threadle_tag_t* out);

/** What the making of structures, or arrays, of a type in a store wants to know in advance. The caller
 * deletes it. */
typedef struct threadle_struct_ref_pre threadle_struct_ref_pre_t;
typedef struct threadle_array_ref_pre threadle_array_ref_pre_t;
WASM_API_EXTERN threadle_struct_ref_pre_t* threadle_struct_ref_pre_new(
  threadle_context_t* context, const threadle_struct_type_t* type);
WASM_API_EXTERN void threadle_struct_ref_pre_delete(threadle_struct_ref_pre_t* pre);
WASM_API_EXTERN threadle_array_ref_pre_t* threadle_array_ref_pre_new(
  threadle_context_t* context, const threadle_array_type_t* type);
WASM_API_EXTERN void threadle_array_ref_pre_delete(threadle_array_ref_pre_t* pre);

/** Makes objects, of values that are lent: a structure of its fields, an array of `len` times an
 * element, an exception of its payload. */
WASM_API_EXTERN threadle_error_t* threadle_structref_new(
  threadle_context_t* context, const threadle_struct_ref_pre_t* pre, const threadle_val_t* fields,
  size_t nfields, threadle_structref_t* out);
WASM_API_EXTERN threadle_error_t* threadle_arrayref_new(
  threadle_context_t* context, const threadle_array_ref_pre_t* pre, const threadle_val_t* element,
  uint32_t len, threadle_arrayref_t* out);
WASM_API_EXTERN threadle_error_t* threadle_exnref_new(
  threadle_context_t* context, const threadle_tag_t* tag, const threadle_val_t* fields,
  size_t nfields, threadle_exnref_t* out);

/** What objects are, as exactly as is known. Null, or `false`, for null. The caller deletes it. */
WASM_API_EXTERN threadle_struct_type_t* threadle_structref_type(
  threadle_context_t* context, const threadle_structref_t* ref);
WASM_API_EXTERN threadle_array_type_t* threadle_arrayref_type(
  threadle_context_t* context, const threadle_arrayref_t* ref);
WASM_API_EXTERN threadle_exn_type_t* threadle_exnref_type(
  threadle_context_t* context, const threadle_exnref_t* ref);
WASM_API_EXTERN bool threadle_anyref_type(
  threadle_context_t* context, const threadle_anyref_t* ref, threadle_heaptype_t* out);
WASM_API_EXTERN bool threadle_eqref_type(
  threadle_context_t* context, const threadle_eqref_t* ref, threadle_heaptype_t* out);

/** The payload of an exception. The caller unroots values that it gets. */
WASM_API_EXTERN size_t threadle_exnref_field_count(
  threadle_context_t* context, const threadle_exnref_t* ref);
WASM_API_EXTERN threadle_error_t* threadle_exnref_field(
  threadle_context_t* context, const threadle_exnref_t* ref, size_t index, threadle_val_t* out);

/** Throws an exception: a host function returns this trap. */
WASM_API_EXTERN wasm_trap_t* threadle_context_set_exception(
  threadle_context_t* context, const threadle_exnref_t* ref);
/** Takes the exception that left the last call, which was told of by a trap. `false` if there is none. */
WASM_API_EXTERN bool threadle_context_take_exception(
  threadle_context_t* context, threadle_exnref_t* out);
WASM_API_EXTERN bool threadle_context_has_exception(threadle_context_t* context);

/* ---- Functions ---- */

/** What a host function gets to know about its call, while it runs. */
typedef struct threadle_caller threadle_caller_t;

/**
 * A host function. Arguments are lent. It sets all results, which are zero of kind i32 before; their
 * references become the callee's. Or it returns a trap, which the callee takes over.
 */
typedef wasm_trap_t* (*threadle_func_callback_t)(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults);

/**
 * A host function that gets its arguments and leaves its results in one array, as long as the longer
 * of both lists. Nothing checks that their types are the function's.
 */
typedef wasm_trap_t* (*threadle_func_unchecked_callback_t)(
  void* env, threadle_caller_t* caller, threadle_val_raw_t* args_and_results,
  size_t num_args_and_results);

/** Makes a host function; it is null if that fails. The finalizer is called with the store. */
WASM_API_EXTERN void threadle_func_new(
  threadle_context_t* context, const wasm_functype_t* type, threadle_func_callback_t callback,
  void* env, void (*finalizer)(void*), threadle_func_t* out);
WASM_API_EXTERN void threadle_func_new_unchecked(
  threadle_context_t* context, const wasm_functype_t* type,
  threadle_func_unchecked_callback_t callback, void* env, void (*finalizer)(void*),
  threadle_func_t* out);

WASM_API_EXTERN wasm_functype_t* threadle_func_type(
  const threadle_context_t* context, const threadle_func_t* func);

/** Calls a function. Arguments are lent; the caller unroots results. */
WASM_API_EXTERN threadle_error_t* threadle_func_call(
  threadle_context_t* context, const threadle_func_t* func, const threadle_val_t* args,
  size_t nargs, threadle_val_t* results, size_t nresults, wasm_trap_t** trap);
/** Calls a function with an array that is as long as its parameters and as its results. */
WASM_API_EXTERN threadle_error_t* threadle_func_call_unchecked(
  threadle_context_t* context, const threadle_func_t* func, threadle_val_raw_t* args_and_results,
  size_t args_and_results_len, wasm_trap_t** trap);

WASM_API_EXTERN threadle_context_t* threadle_caller_context(threadle_caller_t* caller);
/** The export with this name of the instance that calls. `false` if there is none. */
WASM_API_EXTERN bool threadle_caller_export_get(
  threadle_caller_t* caller, const char* name, size_t name_len, threadle_extern_t* item);

/* ---- Globals, tables, memories, tags ---- */

WASM_API_EXTERN threadle_error_t* threadle_global_new(
  threadle_context_t* context, const wasm_globaltype_t* type, const threadle_val_t* value,
  threadle_global_t* out);
WASM_API_EXTERN wasm_globaltype_t* threadle_global_type(
  const threadle_context_t* context, const threadle_global_t* global);
/** The caller unroots the value. */
WASM_API_EXTERN void threadle_global_get(
  threadle_context_t* context, const threadle_global_t* global, threadle_val_t* out);
WASM_API_EXTERN threadle_error_t* threadle_global_set(
  threadle_context_t* context, const threadle_global_t* global, const threadle_val_t* value);

WASM_API_EXTERN threadle_error_t* threadle_table_new(
  threadle_context_t* context, const wasm_tabletype_t* type, const threadle_val_t* init,
  threadle_table_t* out);
WASM_API_EXTERN wasm_tabletype_t* threadle_table_type(
  const threadle_context_t* context, const threadle_table_t* table);
/** `false` outside of the table. The caller unroots the value. */
WASM_API_EXTERN bool threadle_table_get(
  threadle_context_t* context, const threadle_table_t* table, uint64_t index, threadle_val_t* out);
WASM_API_EXTERN threadle_error_t* threadle_table_set(
  threadle_context_t* context, const threadle_table_t* table, uint64_t index,
  const threadle_val_t* value);
WASM_API_EXTERN uint64_t threadle_table_size(
  const threadle_context_t* context, const threadle_table_t* table);
/** `prev_size` is optional. */
WASM_API_EXTERN threadle_error_t* threadle_table_grow(
  threadle_context_t* context, const threadle_table_t* table, uint64_t delta,
  const threadle_val_t* init, uint64_t* prev_size);

WASM_API_EXTERN threadle_error_t* threadle_memory_new(
  threadle_context_t* context, const wasm_memorytype_t* type, threadle_memory_t* out);
WASM_API_EXTERN wasm_memorytype_t* threadle_memory_type(
  const threadle_context_t* context, const threadle_memory_t* memory);
/** Good until the memory grows, by whatever means. */
WASM_API_EXTERN uint8_t* threadle_memory_data(
  threadle_context_t* context, const threadle_memory_t* memory);
WASM_API_EXTERN size_t threadle_memory_data_size(
  const threadle_context_t* context, const threadle_memory_t* memory);
/** In pages. */
WASM_API_EXTERN uint64_t threadle_memory_size(
  const threadle_context_t* context, const threadle_memory_t* memory);
/** `prev_size` is optional. */
WASM_API_EXTERN threadle_error_t* threadle_memory_grow(
  threadle_context_t* context, const threadle_memory_t* memory, uint64_t delta,
  uint64_t* prev_size);
WASM_API_EXTERN uint64_t threadle_memory_page_size(
  const threadle_context_t* context, const threadle_memory_t* memory);
WASM_API_EXTERN uint8_t threadle_memory_page_size_log2(
  const threadle_context_t* context, const threadle_memory_t* memory);

/** A memory that several stores of an engine have, on any threads. The caller deletes it, and clones
 * of it on their own. Its data never moves. */
WASM_API_EXTERN threadle_error_t* threadle_sharedmemory_new(
  const wasm_engine_t* engine, const wasm_memorytype_t* type, threadle_sharedmemory_t** out);
WASM_API_EXTERN void threadle_sharedmemory_delete(threadle_sharedmemory_t* memory);
WASM_API_EXTERN threadle_sharedmemory_t* threadle_sharedmemory_clone(
  const threadle_sharedmemory_t* memory);
WASM_API_EXTERN wasm_memorytype_t* threadle_sharedmemory_type(
  const threadle_sharedmemory_t* memory);
WASM_API_EXTERN uint8_t* threadle_sharedmemory_data(const threadle_sharedmemory_t* memory);
WASM_API_EXTERN size_t threadle_sharedmemory_data_size(const threadle_sharedmemory_t* memory);
WASM_API_EXTERN uint64_t threadle_sharedmemory_size(const threadle_sharedmemory_t* memory);
WASM_API_EXTERN threadle_error_t* threadle_sharedmemory_grow(
  const threadle_sharedmemory_t* memory, uint64_t delta, uint64_t* prev_size);

WASM_API_EXTERN threadle_error_t* threadle_tag_new(
  threadle_context_t* context, const wasm_tagtype_t* type, threadle_tag_t* out);
WASM_API_EXTERN wasm_tagtype_t* threadle_tag_type(
  const threadle_context_t* context, const threadle_tag_t* tag);
WASM_API_EXTERN bool threadle_tag_eq(
  const threadle_context_t* context, const threadle_tag_t* a, const threadle_tag_t* b);

/* ---- Instances ---- */

/** Makes an instance with imports in the order of `threadle_module_imports`. */
WASM_API_EXTERN threadle_error_t* threadle_instance_new(
  threadle_context_t* context, const threadle_module_t* module, const threadle_extern_t* imports,
  size_t nimports, threadle_instance_t* out, wasm_trap_t** trap);
/** `false` if there is no export with this name. */
WASM_API_EXTERN bool threadle_instance_export_get(
  threadle_context_t* context, const threadle_instance_t* instance, const char* name,
  size_t name_len, threadle_extern_t* item);
/** `false` if there are not so many exports. The name is lent by the store. */
WASM_API_EXTERN bool threadle_instance_export_nth(
  threadle_context_t* context, const threadle_instance_t* instance, size_t index, char** name,
  size_t* name_len, threadle_extern_t* item);

/** A module with its imports found. The caller deletes it. */
typedef struct threadle_instance_pre threadle_instance_pre_t;

WASM_API_EXTERN void threadle_instance_pre_delete(threadle_instance_pre_t* instance_pre);
WASM_API_EXTERN threadle_error_t* threadle_instance_pre_instantiate(
  const threadle_instance_pre_t* instance_pre, threadle_context_t* context,
  threadle_instance_t* out, wasm_trap_t** trap);
/** The caller deletes it. */
WASM_API_EXTERN threadle_module_t* threadle_instance_pre_module(
  const threadle_instance_pre_t* instance_pre);

/* ---- Linkers ---- */

/** Finds imports by name. The caller deletes it. */
typedef struct threadle_linker threadle_linker_t;

WASM_API_EXTERN threadle_linker_t* threadle_linker_new(wasm_engine_t* engine);
WASM_API_EXTERN threadle_linker_t* threadle_linker_clone(const threadle_linker_t* linker);
WASM_API_EXTERN void threadle_linker_delete(threadle_linker_t* linker);
/** May definitions replace earlier ones? By default that is an error. */
WASM_API_EXTERN void threadle_linker_allow_shadowing(threadle_linker_t* linker, bool allow);

WASM_API_EXTERN threadle_error_t* threadle_linker_define(
  threadle_linker_t* linker, threadle_context_t* context, const char* module, size_t module_len,
  const char* name, size_t name_len, const threadle_extern_t* item);
/** Functions for all stores of the engine. The finalizer is called when neither the linker nor a
 * store needs the function. */
WASM_API_EXTERN threadle_error_t* threadle_linker_define_func(
  threadle_linker_t* linker, const char* module, size_t module_len, const char* name,
  size_t name_len, const wasm_functype_t* type, threadle_func_callback_t callback, void* env,
  void (*finalizer)(void*));
WASM_API_EXTERN threadle_error_t* threadle_linker_define_func_unchecked(
  threadle_linker_t* linker, const char* module, size_t module_len, const char* name,
  size_t name_len, const wasm_functype_t* type, threadle_func_unchecked_callback_t callback,
  void* env, void (*finalizer)(void*));
/** All functions of WASI preview 1. A store that was given no WASI configuration grants nothing. */
WASM_API_EXTERN threadle_error_t* threadle_linker_define_wasi(threadle_linker_t* linker);
/** All exports of an instance under a module name. */
WASM_API_EXTERN threadle_error_t* threadle_linker_define_instance(
  threadle_linker_t* linker, threadle_context_t* context, const char* name, size_t name_len,
  const threadle_instance_t* instance);
/** Functions that a module imports and nobody defines: they fail when called, or return zero. */
WASM_API_EXTERN threadle_error_t* threadle_linker_define_unknown_imports_as_traps(
  threadle_linker_t* linker, const threadle_module_t* module);
WASM_API_EXTERN threadle_error_t* threadle_linker_define_unknown_imports_as_default_values(
  threadle_linker_t* linker, threadle_context_t* context, const threadle_module_t* module);

WASM_API_EXTERN threadle_error_t* threadle_linker_instantiate(
  const threadle_linker_t* linker, threadle_context_t* context, const threadle_module_t* module,
  threadle_instance_t* out, wasm_trap_t** trap);
WASM_API_EXTERN threadle_error_t* threadle_linker_instantiate_pre(
  const threadle_linker_t* linker, const threadle_module_t* module,
  threadle_instance_pre_t** out);
/** Instantiates a library and defines its exports under a module name. */
WASM_API_EXTERN threadle_error_t* threadle_linker_module(
  threadle_linker_t* linker, threadle_context_t* context, const char* name, size_t name_len,
  const threadle_module_t* module);
/** What to call to run the module that was defined under a name. */
WASM_API_EXTERN threadle_error_t* threadle_linker_get_default(
  const threadle_linker_t* linker, threadle_context_t* context, const char* name,
  size_t name_len, threadle_func_t* out);
/** `false` if nothing has these names. */
WASM_API_EXTERN bool threadle_linker_get(
  const threadle_linker_t* linker, threadle_context_t* context, const char* module,
  size_t module_len, const char* name, size_t name_len, threadle_extern_t* item);

/* ---- Asynchronous calls ---- */

/**
 * A call that goes on when it is polled, and yields in between: when an asynchronous host function is
 * not done, or as was said by `threadle_context_fuel_async_yield_interval` and
 * `threadle_context_epoch_deadline_async_yield_and_update`.
 *
 * It has the store from when it is made until it is done or deleted: whatever else uses the context
 * meanwhile fails, but for host functions that the call runs and deadline callbacks. What was passed to
 * the function that made it stays where it is until it is deleted, `context` excepted, which it keeps.
 */
typedef struct threadle_call_future threadle_call_future_t;

/**
 * Goes on with the call. Is it done? Then results, trap and error have been written, as the call that
 * is not asynchronous would. Nothing happens if it was done before. Host functions that it runs cannot
 * poll it: they get `false`.
 */
WASM_API_EXTERN bool threadle_call_future_poll(threadle_call_future_t* future);
/** Frees a call; one that is not done ends where it is. Not to be called by what the call runs: then it
 * does nothing. */
WASM_API_EXTERN void threadle_call_future_delete(threadle_call_future_t* future);

/** Begins nothing yet: the future does, when it is polled. Whatever fails is told in `*error` then; null
 * if `error` is. The caller deletes the future. It cannot be made by a host function. */
WASM_API_EXTERN threadle_call_future_t* threadle_func_call_async(
  threadle_context_t* context, const threadle_func_t* func, const threadle_val_t* args,
  size_t nargs, threadle_val_t* results, size_t nresults, wasm_trap_t** trap,
  threadle_error_t** error);
/** The same for instances, whose start functions may call asynchronous functions. */
WASM_API_EXTERN threadle_call_future_t* threadle_linker_instantiate_async(
  const threadle_linker_t* linker, threadle_context_t* context, const threadle_module_t* module,
  threadle_instance_t* out, wasm_trap_t** trap, threadle_error_t** error);
WASM_API_EXTERN threadle_call_future_t* threadle_instance_pre_instantiate_async(
  const threadle_instance_pre_t* instance_pre, threadle_context_t* context,
  threadle_instance_t* out, wasm_trap_t** trap, threadle_error_t** error);

/** Is the host function done? Asked each time the call is polled. It cannot use the context. */
typedef bool (*threadle_func_async_continuation_callback_t)(void* env);

/** What an asynchronous host function leaves: whom to ask whether it is done. */
typedef struct threadle_async_continuation {
  /** Null if it is done already. */
  threadle_func_async_continuation_callback_t callback;
  void* env;
  /** Called when the function is done, or its call was deleted. */
  void (*finalizer)(void*);
} threadle_async_continuation_t;

/**
 * A host function that may not be done when it returns. Arguments are lent, and results can be written,
 * until it is done. It sets `*trap`, which the callee takes over, or `*continuation`.
 */
typedef void (*threadle_func_async_callback_t)(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults, wasm_trap_t** trap,
  threadle_async_continuation_t* continuation);

/** As `threadle_linker_define_func`. It fails when it is called in a call that is not asynchronous. */
WASM_API_EXTERN threadle_error_t* threadle_linker_define_async_func(
  threadle_linker_t* linker, const char* module, size_t module_len, const char* name,
  size_t name_len, const wasm_functype_t* type, threadle_func_async_callback_t callback, void* env,
  void (*finalizer)(void*));

#ifdef __cplusplus
}  /* extern "C" */
#endif

#endif  /* THREADLE_H */

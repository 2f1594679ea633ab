/* threadle.h: engines, modules, stores, instances, functions, and objects of stores. */
#include "check.h"

static int finalized = 0;

static void finalizer(void* data) { finalized += (int)(intptr_t)data; }

static void* number(int n) { return (void*)(intptr_t)n; }

static void configurations(void) {
  wasm_config_t* config = wasm_config_new();
  wasm_engine_t *engine, *clone;
  wasm_byte_vec_t binary;
  threadle_config_wasm_bulk_memory_set(config, true);
  threadle_config_wasm_custom_page_sizes_set(config, true);
  threadle_config_wasm_exceptions_set(config, true);
  threadle_config_wasm_extended_const_set(config, true);
  threadle_config_wasm_function_references_set(config, true);
  threadle_config_wasm_gc_set(config, true);
  threadle_config_wasm_legacy_exceptions_set(config, true);
  threadle_config_wasm_memory64_set(config, true);
  threadle_config_wasm_multi_memory_set(config, true);
  threadle_config_wasm_multi_value_set(config, true);
  threadle_config_wasm_reference_types_set(config, true);
  threadle_config_wasm_relaxed_simd_set(config, true);
  threadle_config_wasm_relaxed_simd_deterministic_set(config, true);
  threadle_config_wasm_simd_set(config, true);
  threadle_config_wasm_tail_call_set(config, false);
  threadle_config_wasm_threads_set(config, true);
  threadle_config_wasm_wide_arithmetic_set(config, true);
  threadle_config_interruptible_set(config, true);
  threadle_config_parallel_compilation_set(config, false);
  threadle_config_signals_based_traps_set(config, false);
  threadle_config_max_wasm_stack_set(config, 1 << 20);
  threadle_config_max_activations_set(config, 100);
  threadle_config_memory_reservation_set(config, 1 << 20);
  threadle_config_memory_guard_size_set(config, 1 << 16);
  threadle_config_memory_reservation_for_growth_set(config, 1 << 16);
  threadle_config_gc_heap_reservation_set(config, 1 << 24);
  threadle_config_gc_heap_maximum_set(config, 1 << 24);
  threadle_config_gc_heap_may_move_set(config, true);
  threadle_config_memory_may_move_set(config, true);
  threadle_config_shared_memory_set(config, true);
  threadle_config_wasm_gc_types_set(config, true);
  threadle_config_gc_always_set(config, true);
  threadle_config_backtrace_frames_set(config, 1);
  OK(threadle_config_compilation_mode_set(config, THREADLE_COMPILATION_MODE_EAGER));
  CHECK(says(threadle_config_compilation_mode_set(config, 9), "compilation mode 9"));
  CHECK(says(threadle_config_compilation_mode_set(NULL, 0), "`config` is null"));
  engine = wasm_engine_new_with_config(config);
  /* The knobs are the engine's: tail calls are off, threads on. */
  wat("(module (func return_call 0))", &binary);
  CHECK(says(threadle_module_validate(engine, (uint8_t*)binary.data, binary.size), "tail call"));
  wasm_byte_vec_delete(&binary);
  wat("(module (memory 1 1 shared))", &binary);
  OK(threadle_module_validate(engine, (uint8_t*)binary.data, binary.size));
  clone = threadle_engine_clone(engine);
  CHECK(threadle_engine_same(engine, clone) && !threadle_engine_same(engine, NULL));
  wasm_engine_delete(engine);
  OK(threadle_module_validate(clone, (uint8_t*)binary.data, binary.size));
  wasm_byte_vec_delete(&binary);
  wasm_engine_delete(clone);
  CHECK(threadle_engine_clone(NULL) == NULL);
}

static void modules(wasm_engine_t* engine) {
  threadle_module_t* module = compile(engine,
    "(module (import \"a\" \"b\" (func)) (memory (export \"m\") i64 1 5))");
  threadle_module_t* clone = threadle_module_clone(module);
  threadle_module_t* none = clone;
  wasm_importtype_vec_t imports;
  wasm_exporttype_vec_t exports;
  const wasm_memorytype_t* type;
  uint64_t maximum = 0;
  threadle_module_delete(module);
  threadle_module_imports(clone, &imports);
  CHECK(imports.size == 1 && is_text(wasm_importtype_name(imports.data[0]), "b"));
  wasm_importtype_vec_delete(&imports);
  threadle_module_exports(clone, &exports);
  type = wasm_externtype_as_memorytype_const(wasm_exporttype_type(exports.data[0]));
  CHECK(threadle_memorytype_is64(type) && !threadle_memorytype_isshared(type));
  CHECK(threadle_memorytype_minimum(type) == 1);
  CHECK(threadle_memorytype_maximum(type, &maximum) && maximum == 5);
  CHECK(threadle_memorytype_page_size(type) == 65536);
  CHECK(threadle_memorytype_page_size_log2(type) == 16);
  wasm_exporttype_vec_delete(&exports);
  CHECK(says(threadle_module_new(engine, (const uint8_t*)"\0asm", 4, &none), "offset 0x4"));
  CHECK(none == NULL);
  CHECK(says(threadle_module_new(engine, NULL, 4, &none), "offset 0x0"));
  CHECK(says(threadle_module_new(NULL, NULL, 0, &none), "`engine` is null"));
  CHECK(says(threadle_module_new(engine, NULL, 0, NULL), "`module` is null"));
  threadle_module_imports(NULL, &imports);
  threadle_module_exports(NULL, &exports);
  CHECK(imports.size == 0 && exports.size == 0 && threadle_module_clone(NULL) == NULL);
  threadle_module_delete(clone);
  threadle_module_delete(NULL);
}

static void artefacts(wasm_engine_t* engine) {
  threadle_module_t* module = compile(engine, "(module (func (export \"answer\")))");
  threadle_module_t* again;
  wasm_byte_vec_t bytes;
  wasm_exporttype_vec_t exports;
  wasm_config_t* config = wasm_config_new();
  wasm_engine_t* other;
  const char* path = "artefact";
  FILE* file;
  OK(threadle_module_serialize(module, &bytes));
  threadle_module_delete(module);
  OK(threadle_module_deserialize(engine, (const uint8_t*)bytes.data, bytes.size, &again));
  threadle_module_exports(again, &exports);
  CHECK(exports.size == 1 && is_text(wasm_exporttype_name(exports.data[0]), "answer"));
  wasm_exporttype_vec_delete(&exports);
  threadle_module_delete(again);
  CHECK(says(threadle_module_deserialize(engine, (const uint8_t*)bytes.data, bytes.size - 1, &again),
    "cut short"));
  CHECK(again == NULL);
  threadle_config_wasm_tail_call_set(config, false);
  other = wasm_engine_new_with_config(config);
  CHECK(says(threadle_module_deserialize(other, (const uint8_t*)bytes.data, bytes.size, &again),
    "was compiled with"));
  wasm_engine_delete(other);

  file = fopen(path, "wb");
  CHECK(file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size && fclose(file) == 0);
  OK(threadle_module_deserialize_file(engine, path, &again));
  threadle_module_delete(again);
  CHECK(remove(path) == 0);
  CHECK(says(threadle_module_deserialize_file(engine, path, &again), "cannot read"));
  CHECK(says(threadle_module_deserialize_file(engine, NULL, &again), "`path` is null"));
  wasm_byte_vec_delete(&bytes);
  CHECK(says(threadle_module_serialize(NULL, &bytes), "`module` is null") && bytes.size == 0);
  CHECK(says(threadle_module_serialize(NULL, NULL), "`out` is null"));
}

static void types(void) {
  wasm_memorytype_t* type;
  wasm_valtype_t *a = threadle_valtype_v128(), *b = wasm_valtype_new_i32();
  uint64_t maximum;
  CHECK(wasm_valtype_kind(a) == THREADLE_TYPE_V128 && !threadle_valtype_equal(a, b));
  CHECK(threadle_valtype_equal(a, a) && !threadle_valtype_equal(a, NULL));
  wasm_valtype_delete(a);
  wasm_valtype_delete(b);
  OK(threadle_memorytype_new(2, true, 3, false, true, 16, &type));
  CHECK(threadle_memorytype_isshared(type) && threadle_memorytype_minimum(type) == 2);
  wasm_memorytype_delete(type);
  OK(threadle_memorytype_new(2, false, 0, true, false, 16, &type));
  CHECK(threadle_memorytype_is64(type) && !threadle_memorytype_maximum(type, &maximum));
  wasm_memorytype_delete(type);
  CHECK(says(threadle_memorytype_new(1, false, 0, false, true, 16, &type), "maximum"));
  OK(threadle_memorytype_new(1, true, 1, true, true, 16, &type));
  CHECK(threadle_memorytype_isshared(type) && threadle_memorytype_is64(type));
  wasm_memorytype_delete(type);
  OK(threadle_memorytype_new(100, false, 0, false, false, 0, &type));
  CHECK(threadle_memorytype_page_size(type) == 1);
  wasm_memorytype_delete(type);
  CHECK(says(threadle_memorytype_new(1, false, 0, false, false, 3, &type), "2^0 or 2^16"));
  CHECK(type == NULL && threadle_memorytype_minimum(NULL) == 0);
  CHECK(!threadle_memorytype_is64(NULL) && threadle_memorytype_page_size(NULL) == 0);
}

typedef struct {
  int calls;
  threadle_context_t* context;
} state;

/* log(address, length): the caller's memory, its data, its own export called again. */
static wasm_trap_t* log_text(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  threadle_context_t* context = threadle_caller_context(caller);
  state* s = (state*)threadle_context_get_data(context);
  threadle_extern_t item;
  char text[8] = {0};
  CHECK(env == number(1) && nargs == 2 && nresults == 1 && results[0].kind == THREADLE_I32);
  CHECK(context == s->context);
  CHECK(!threadle_caller_export_get(caller, "nothing", 7, &item));
  CHECK(threadle_caller_export_get(caller, "memory", 6, &item));
  CHECK(item.kind == THREADLE_EXTERN_MEMORY);
  memcpy(text, threadle_memory_data(context, &item.of.memory) + args[0].of.i32,
    (size_t)args[1].of.i32);
  CHECK(strcmp(text, "hello") == 0);
  if (s->calls++ == 0) {
    threadle_val_t result;
    wasm_trap_t* trap = NULL;
    CHECK(threadle_caller_export_get(caller, "run", 3, &item));
    OK(threadle_func_call(context, &item.of.func, NULL, 0, &result, 1, &trap));
    CHECK(trap == NULL && result.of.i32 == 5);
  }
  results[0] = val_i32(args[1].of.i32);
  return NULL;
}

static wasm_trap_t* refuse(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  (void)caller; (void)args; (void)nargs; (void)results; (void)nresults;
  if (env != NULL) return threadle_trap_new("refused", 7);
  return threadle_trap_new_code(THREADLE_TRAP_CODE_INTERRUPT);
}

/* Leaves its result as it is: an i32 where an i64 is due. */
static wasm_trap_t* forget(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  (void)env; (void)caller; (void)args; (void)nargs; (void)results; (void)nresults;
  return NULL;
}

static wasm_trap_t* add_raw(
  void* env, threadle_caller_t* caller, threadle_val_raw_t* values, size_t count
) {
  CHECK(count == 2 && threadle_caller_context(caller) != NULL);
  values[0].i64 = values[0].i64 + values[1].i32 + (int)(intptr_t)env;
  return NULL;
}

static void functions(wasm_engine_t* engine) {
  state s;
  threadle_store_t* store = threadle_store_new(engine, &s, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t* module = compile(engine,
    "(module $m (import \"\" \"log\" (func $log (param i32 i32) (result i32)))"
    "  (import \"\" \"fail\" (func $fail)) (import \"\" \"fail2\" (func $fail2))"
    "  (import \"\" \"forget\" (func $forget (result i64)))"
    "  (import \"\" \"add\" (func $add (param i64 i32) (result i64)))"
    "  (memory (export \"memory\") 1) (data (i32.const 16) \"hello\")"
    "  (func (export \"run\") (result i32) (call $log (i32.const 16) (i32.const 5)))"
    "  (func (export \"fail\") call $fail) (func (export \"fail2\") call $fail2)"
    "  (func (export \"forget\") (drop (call $forget)))"
    "  (func (export \"add\") (param i64 i32) (result i64)"
    "    (call $add (local.get 0) (local.get 1)))"
    "  (func $trap (export \"trap\") unreachable))");
  wasm_functype_t* types[5];
  threadle_extern_t imports[5], item;
  threadle_instance_t instance;
  threadle_val_t result, args[2];
  threadle_val_raw_t raw[2];
  wasm_trap_t* trap = NULL;
  wasm_frame_vec_t frames;
  threadle_trap_code_t code;
  wasm_functype_t* type;
  threadle_error_t* error;
  size_t i;
  char* name;
  size_t size;
  s.calls = 0;
  s.context = context;
  types[0] = wasm_functype_new_2_1(
    wasm_valtype_new_i32(), wasm_valtype_new_i32(), wasm_valtype_new_i32());
  types[1] = wasm_functype_new_0_0();
  types[2] = wasm_functype_new_0_0();
  types[3] = wasm_functype_new_0_1(wasm_valtype_new_i64());
  types[4] = wasm_functype_new_2_1(
    wasm_valtype_new_i64(), wasm_valtype_new_i32(), wasm_valtype_new_i64());
  threadle_func_new(context, types[0], log_text, number(1), finalizer, &imports[0].of.func);
  threadle_func_new(context, types[1], refuse, number(1), NULL, &imports[1].of.func);
  threadle_func_new(context, types[2], refuse, NULL, NULL, &imports[2].of.func);
  threadle_func_new(context, types[3], forget, NULL, NULL, &imports[3].of.func);
  threadle_func_new_unchecked(context, types[4], add_raw, number(100), finalizer, &imports[4].of.func);
  for (i = 0; i < 5; i++) {
    imports[i].kind = THREADLE_EXTERN_FUNC;
    CHECK(!threadle_funcref_is_null(&imports[i].of.func));
    wasm_functype_delete(types[i]);
  }
  CHECK(says(threadle_instance_new(context, module, imports, 4, &instance, &trap), "import"));
  CHECK(instance.store_id == 0 && trap == NULL);
  OK(threadle_instance_new(context, module, imports, 5, &instance, &trap));
  CHECK(trap == NULL);

  item = export_of(context, &instance, "run");
  type = threadle_func_type(context, &item.of.func);
  CHECK(wasm_functype_results(type)->size == 1);
  wasm_functype_delete(type);
  OK(threadle_func_call(context, &item.of.func, NULL, 0, &result, 1, &trap));
  CHECK(trap == NULL && result.kind == THREADLE_I32 && result.of.i32 == 5 && s.calls == 2);
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap), "results"));
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 1, &trap), "`results` is null"));
  CHECK(says(threadle_func_call(NULL, &item.of.func, NULL, 0, NULL, 0, &trap), "`context` is null"));
  CHECK(says(threadle_func_call(context, NULL, NULL, 0, NULL, 0, &trap), "`function` is null"));

  /* What a host function says is an error; the engine's own traps are traps. */
  item = export_of(context, &instance, "fail");
  error = threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap);
  CHECK(error != NULL && trap == NULL);
  threadle_error_wasm_trace(error, &frames);
  CHECK(frames.size == 1 && wasm_frame_func_index(frames.data[0]) == 6);
  wasm_frame_vec_delete(&frames);
  CHECK(says(error, "refused"));
  item = export_of(context, &instance, "fail2");
  OK(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_INTERRUPT);
  wasm_trap_delete(trap);
  item = export_of(context, &instance, "trap");
  OK(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_UNREACHABLE_CODE_REACHED);
  wasm_trap_trace(trap, &frames);
  CHECK(frames.size == 1 && is_text(threadle_frame_func_name(frames.data[0]), "trap"));
  CHECK(wasm_frame_instance(frames.data[0]) == NULL);
  wasm_frame_vec_delete(&frames);
  wasm_trap_delete(trap);
  trap = NULL;
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, NULL), "unreachable"));
  item = export_of(context, &instance, "forget");
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap), "wrong result 0"));

  item = export_of(context, &instance, "add");
  args[0].kind = THREADLE_I64;
  args[0].of.i64 = (int64_t)1 << 40;
  args[1] = val_i32(-1);
  OK(threadle_func_call(context, &item.of.func, args, 2, &result, 1, &trap));
  CHECK(result.kind == THREADLE_I64 && result.of.i64 == ((int64_t)1 << 40) + 99);
  CHECK(says(threadle_func_call(context, &item.of.func, args, 1, &result, 1, &trap), "2 arguments"));
  args[1].kind = THREADLE_F32;
  CHECK(says(threadle_func_call(context, &item.of.func, args, 2, &result, 1, &trap), "mismatch"));
  args[1].kind = 77;
  CHECK(says(threadle_func_call(context, &item.of.func, args, 2, &result, 1, &trap), "kind 77"));
  raw[0].i64 = -5;
  raw[1].i64 = -1;
  raw[1].i32 = 7;
  OK(threadle_func_call_unchecked(context, &item.of.func, raw, 2, &trap));
  CHECK(trap == NULL && raw[0].i64 == 102);
  CHECK(says(threadle_func_call_unchecked(context, &item.of.func, raw, 1, &trap), "room for 2"));
  CHECK(says(threadle_func_call_unchecked(context, &item.of.func, NULL, 2, &trap), "is null"));
  item = export_of(context, &instance, "trap");
  OK(threadle_func_call_unchecked(context, &item.of.func, NULL, 0, &trap));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_UNREACHABLE_CODE_REACHED);
  wasm_trap_delete(trap);

  /* Handles of another store, or of another kind, are errors. */
  item.of.func.store_id ^= 1;
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap), "another store"));
  CHECK(threadle_func_type(context, &item.of.func) == NULL);
  item.of.func.store_id ^= 1;
  item.of.func.private_ = 12345;
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap), "null"));
  item = export_of(context, &instance, "memory");
  CHECK(says(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap), "a function"));

  for (i = 0; threadle_instance_export_nth(context, &instance, i, &name, &size, &item); i++) {
    if (i == 0) CHECK(size == 6 && memcmp(name, "memory", 6) == 0 && item.kind == THREADLE_EXTERN_MEMORY);
  }
  CHECK(i == 7);
  CHECK(!threadle_instance_export_get(context, &instance, "x", 1, &item));
  CHECK(!threadle_instance_export_get(context, &instance, NULL, 1, &item));
  CHECK(!threadle_instance_export_get(context, NULL, "x", 1, &item));
  threadle_func_new(context, NULL, refuse, NULL, NULL, &item.of.func);
  CHECK(threadle_funcref_is_null(&item.of.func));
  CHECK(threadle_caller_context(NULL) == NULL);
  CHECK(!threadle_caller_export_get(NULL, "x", 1, &item));
  threadle_module_delete(module);
  CHECK(finalized == 0);
  threadle_store_delete(store);
  CHECK(finalized == 101);
  finalized = 0;
}

static void objects(wasm_engine_t* engine) {
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_store_t* other = threadle_store_new(engine, NULL, NULL);
  wasm_globaltype_t *gt = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_VAR), *gt2;
  threadle_global_t global;
  threadle_table_t table;
  threadle_memory_t memory;
  threadle_tag_t tag, tag2;
  threadle_val_t value = val_i32(3), got;
  wasm_limits_t limits;
  wasm_tabletype_t *tt, *tt2;
  wasm_memorytype_t *mt, *mt2;
  wasm_tagtype_t *et, *et2;
  wasm_externtype_t* xt;
  threadle_extern_t item;
  uint64_t before = 0;
  OK(threadle_global_new(context, gt, &value, &global));
  gt2 = threadle_global_type(context, &global);
  CHECK(wasm_globaltype_mutability(gt2) == WASM_VAR);
  wasm_globaltype_delete(gt2);
  value = val_i32(4);
  OK(threadle_global_set(context, &global, &value));
  threadle_global_get(context, &global, &got);
  CHECK(got.kind == THREADLE_I32 && got.of.i32 == 4);
  value.kind = THREADLE_F64;
  CHECK(says(threadle_global_set(context, &global, &value), "mismatch"));
  CHECK(says(threadle_global_new(context, gt, &value, &global), "mismatch") && global.store_id == 0);
  threadle_global_get(context, &global, &got);
  CHECK(got.kind == THREADLE_I32 && got.of.i32 == 0);
  CHECK(threadle_global_type(context, &global) == NULL);
  wasm_globaltype_delete(gt);

  limits.min = 1;
  limits.max = 3;
  tt = wasm_tabletype_new(wasm_valtype_new_funcref(), &limits);
  value.kind = THREADLE_FUNCREF;
  threadle_funcref_set_null(&value.of.funcref);
  OK(threadle_table_new(context, tt, &value, &table));
  tt2 = threadle_table_type(context, &table);
  CHECK(wasm_tabletype_limits(tt2)->max == 3);
  wasm_tabletype_delete(tt2);
  CHECK(threadle_table_get(context, &table, 0, &got) && got.kind == THREADLE_FUNCREF);
  CHECK(threadle_funcref_is_null(&got.of.funcref) && !threadle_table_get(context, &table, 1, &got));
  OK(threadle_table_grow(context, &table, 2, &value, &before));
  CHECK(before == 1 && threadle_table_size(context, &table) == 3);
  CHECK(says(threadle_table_grow(context, &table, 1, &value, NULL), "grow"));
  OK(threadle_table_set(context, &table, 2, &value));
  CHECK(says(threadle_table_set(context, &table, 3, &value), "bounds"));
  value = val_i32(1);
  CHECK(says(threadle_table_set(context, &table, 0, &value), "reference"));
  CHECK(says(threadle_table_new(context, tt, &value, &table), "reference"));
  wasm_tabletype_delete(tt);

  mt = wasm_memorytype_new(&limits);
  OK(threadle_memory_new(context, mt, &memory));
  mt2 = threadle_memory_type(context, &memory);
  CHECK(threadle_memorytype_minimum(mt2) == 1);
  wasm_memorytype_delete(mt2);
  CHECK(threadle_memory_data_size(context, &memory) == 65536);
  threadle_memory_data(context, &memory)[65535] = 9;
  OK(threadle_memory_grow(context, &memory, 1, &before));
  CHECK(before == 1 && threadle_memory_size(context, &memory) == 2);
  CHECK(threadle_memory_data(context, &memory)[65535] == 9);
  CHECK(says(threadle_memory_grow(context, &memory, 2, &before), "grow"));
  CHECK(threadle_memory_page_size(context, &memory) == 65536);
  CHECK(threadle_memory_page_size_log2(context, &memory) == 16);
  /* A memory of this store is none of another. */
  CHECK(threadle_memory_data(threadle_store_context(other), &memory) == NULL);
  CHECK(threadle_memory_data_size(threadle_store_context(other), &memory) == 0);
  item.kind = THREADLE_EXTERN_MEMORY;
  item.of.memory = memory;
  xt = threadle_extern_type(context, &item);
  CHECK(wasm_externtype_kind(xt) == WASM_EXTERN_MEMORY);
  wasm_externtype_delete(xt);
  threadle_extern_delete(&item);
  item.kind = 99;
  CHECK(threadle_extern_type(context, &item) == NULL);
  wasm_memorytype_delete(mt);

  et = wasm_tagtype_new(wasm_functype_new_1_0(wasm_valtype_new_i32()));
  OK(threadle_tag_new(context, et, &tag));
  OK(threadle_tag_new(context, et, &tag2));
  CHECK(threadle_tag_eq(context, &tag, &tag) && !threadle_tag_eq(context, &tag, &tag2));
  et2 = threadle_tag_type(context, &tag);
  CHECK(wasm_functype_params(wasm_tagtype_functype(et2))->size == 1);
  wasm_tagtype_delete(et);
  wasm_tagtype_delete(et2);
  threadle_store_delete(other);
  threadle_store_delete(store);
}

static void shared_memories(void) {
  wasm_config_t* config = wasm_config_new();
  wasm_engine_t* engine;
  threadle_store_t* store;
  threadle_context_t* context;
  threadle_sharedmemory_t *memory, *clone;
  wasm_memorytype_t *type, *again;
  threadle_module_t* module;
  threadle_extern_t import, exported;
  threadle_instance_t instance;
  uint64_t before;
  threadle_config_wasm_threads_set(config, true);
  engine = wasm_engine_new_with_config(config);
  store = threadle_store_new(engine, NULL, NULL);
  context = threadle_store_context(store);
  OK(threadle_memorytype_new(1, true, 3, false, true, 16, &type));
  OK(threadle_sharedmemory_new(engine, type, &memory));
  wasm_memorytype_delete(type);
  clone = threadle_sharedmemory_clone(memory);
  again = threadle_sharedmemory_type(clone);
  CHECK(threadle_memorytype_isshared(again));
  wasm_memorytype_delete(again);
  OK(threadle_sharedmemory_grow(memory, 1, &before));
  CHECK(before == 1 && threadle_sharedmemory_size(clone) == 2);
  CHECK(threadle_sharedmemory_data_size(clone) == 131072);
  CHECK(threadle_sharedmemory_data(clone) == threadle_sharedmemory_data(memory));
  CHECK(says(threadle_sharedmemory_grow(memory, 9, NULL), "grow"));
  module = compile(engine, "(module (import \"\" \"\" (memory 1 3 shared)) (export \"m\" (memory 0)))");
  import.kind = THREADLE_EXTERN_SHAREDMEMORY;
  import.of.sharedmemory = memory;
  OK(threadle_instance_new(context, module, &import, 1, &instance, NULL));
  exported = export_of(context, &instance, "m");
  CHECK(exported.kind == THREADLE_EXTERN_SHAREDMEMORY);
  CHECK(threadle_sharedmemory_data(exported.of.sharedmemory) == threadle_sharedmemory_data(memory));
  threadle_extern_delete(&exported);
  threadle_extern_delete(&exported);
  threadle_extern_delete(&import);
  threadle_sharedmemory_delete(clone);
  threadle_module_delete(module);
  threadle_store_delete(store);
  wasm_engine_delete(engine);
  CHECK(threadle_sharedmemory_clone(NULL) == NULL && threadle_sharedmemory_data(NULL) == NULL);
}

static void* interrupt(void* handle) {
  threadle_interrupt_handle_interrupt((threadle_interrupt_handle_t*)handle);
  return handle;
}

static void stores(void) {
  wasm_config_t* config = wasm_config_new();
  wasm_engine_t* engine;
  threadle_store_t* store;
  threadle_context_t* context;
  threadle_module_t* module;
  threadle_instance_t instance;
  threadle_extern_t item;
  threadle_interrupt_handle_t* handle;
  wasm_trap_t* trap = NULL;
  threadle_trap_code_t code;
  threadle_val_t result;
  threadle_config_interruptible_set(config, true);
  engine = wasm_engine_new_with_config(config);
  store = threadle_store_new(engine, number(1), finalizer);
  context = threadle_store_context(store);
  CHECK(threadle_context_get_data(context) == number(1));
  threadle_context_set_data(context, number(10));
  CHECK(threadle_context_get_data(context) == number(10));
  OK(threadle_context_gc(context));
  module = compile(engine, "(module (memory (export \"m\") 1)"
    "  (func (export \"forever\") (loop br 0))"
    "  (func (export \"grow\") (result i32) (memory.grow (i32.const 1))))");
  OK(threadle_instance_new(context, module, NULL, 0, &instance, &trap));
  handle = threadle_context_interrupt_handle(context);
  interrupt(handle);
  item = export_of(context, &instance, "forever");
  OK(threadle_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_INTERRUPT);
  wasm_trap_delete(trap);
  threadle_store_limiter(store, 65536, -1, 2, -1, 2);
  item = export_of(context, &instance, "grow");
  OK(threadle_func_call(context, &item.of.func, NULL, 0, &result, 1, &trap));
  CHECK(result.of.i32 == -1);
  OK(threadle_instance_new(context, module, NULL, 0, &instance, &trap));
  CHECK(says(threadle_instance_new(context, module, NULL, 0, &instance, &trap), "instance"));
  threadle_store_limiter(NULL, 0, 0, 0, 0, 0);
  threadle_module_delete(module);
  finalized = 0;
  threadle_store_delete(store);
  CHECK(finalized == 10);
  /* The handle can outlive its store. */
  threadle_interrupt_handle_interrupt(handle);
  threadle_interrupt_handle_delete(handle);
  threadle_store_delete(NULL);
  wasm_engine_delete(engine);
  CHECK(threadle_store_new(NULL, NULL, NULL) == NULL && threadle_store_context(NULL) == NULL);
  CHECK(threadle_context_get_data(NULL) == NULL && threadle_context_interrupt_handle(NULL) == NULL);
  CHECK(says(threadle_context_gc(NULL), "`context` is null"));
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  configurations();
  modules(engine);
  artefacts(engine);
  types();
  functions(engine);
  objects(engine);
  shared_memories();
  stores();
  wasm_engine_delete(engine);
  puts("ok");
  return 0;
}

/* Calls of host functions through the C API, to be counted by `count`: a program calls one that adds
 * one to its argument, `argv[2]` times. `argv[1]` says how the function is made. */
#include <stdio.h>
#include <stdlib.h>
#include <threadle.h>

static const char* text =
  "(module (import \"\" \"inc\" (func $inc (param i32) (result i32)))"
  "  (func (export \"run\") (param $n i32) (result i32) (local $i i32)"
  "    (loop $next"
  "      (local.set $i (call $inc (local.get $i)))"
  "      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))"
  "    (local.get $i))"
  "  (func (export \"id\") (param i32) (result i32) (local.get 0)))";

static wasm_trap_t* unchecked(
  void* env, threadle_caller_t* caller, threadle_val_raw_t* values, size_t count
) {
  (void)env; (void)caller; (void)count;
  values[0].i32++;
  return NULL;
}

static wasm_trap_t* checked(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  (void)env; (void)caller; (void)nargs; (void)nresults;
  results[0].kind = THREADLE_I32;
  results[0].of.i32 = args[0].of.i32 + 1;
  return NULL;
}

static wasm_trap_t* standard(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  results->data[0].kind = WASM_I32;
  results->data[0].of.i32 = args->data[0].of.i32 + 1;
  return NULL;
}

static void must(bool done) {
  if (!done) exit(1);
}

/* wasm.h: `n` calls of the host function, or with `out` of an exported one. */
static void by_wasm_h(wasm_engine_t* engine, const wasm_byte_vec_t* binary, int32_t n, bool out) {
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = wasm_module_new(store, binary);
  wasm_functype_t* type = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasm_func_t* func = wasm_func_new(store, type, standard);
  wasm_extern_t* import = wasm_func_as_extern(func);
  wasm_extern_vec_t imports, exports;
  wasm_val_t arg, result;
  wasm_val_vec_t args, results;
  wasm_instance_t* instance;
  int32_t i;
  imports.size = args.size = results.size = 1;
  imports.data = &import;
  args.data = &arg;
  results.data = &result;
  instance = wasm_instance_new(store, module, &imports, NULL);
  wasm_instance_exports(instance, &exports);
  func = wasm_extern_as_func(exports.data[out ? 1 : 0]);
  arg.kind = WASM_I32;
  arg.of.i32 = n;
  for (i = 0; i < (out ? n : 1); i++) must(wasm_func_call(func, &args, &results) == NULL);
  must(result.of.i32 == n);
}

int main(int argc, char** argv) {
  wasm_engine_t* engine = wasm_engine_new();
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  wasm_functype_t* type = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasm_byte_vec_t binary;
  threadle_module_t* module;
  threadle_extern_t item;
  threadle_instance_t instance;
  threadle_val_t arg, result;
  threadle_val_raw_t raw[1];
  int32_t i, n;
  must(argc == 3);
  n = atoi(argv[2]);
  must(threadle_wat2wasm(text, strlen(text), &binary) == NULL);
  if (strncmp(argv[1], "wasm_h", 6) == 0) {
    by_wasm_h(engine, &binary, n, strcmp(argv[1], "wasm_h_call") == 0);
    return 0;
  }
  must(threadle_module_new(engine, (const uint8_t*)binary.data, binary.size, &module) == NULL);
  item.kind = THREADLE_EXTERN_FUNC;
  if (strcmp(argv[1], "checked") == 0) {
    threadle_func_new(context, type, checked, NULL, NULL, &item.of.func);
  } else {
    threadle_func_new_unchecked(context, type, unchecked, NULL, NULL, &item.of.func);
  }
  must(threadle_instance_new(context, module, &item, 1, &instance, NULL) == NULL);
  if (strcmp(argv[1], "call") == 0 || strcmp(argv[1], "call_unchecked") == 0) {
    must(threadle_instance_export_get(context, &instance, "id", 2, &item));
    for (i = 0; i < n; i++) {
      if (argv[1][4] == 0) {
        arg.kind = THREADLE_I32;
        arg.of.i32 = i;
        must(threadle_func_call(context, &item.of.func, &arg, 1, &result, 1, NULL) == NULL);
      } else {
        raw[0].i32 = i;
        must(threadle_func_call_unchecked(context, &item.of.func, raw, 1, NULL) == NULL);
      }
    }
    return 0;
  }
  must(threadle_instance_export_get(context, &instance, "run", 3, &item));
  arg.kind = THREADLE_I32;
  arg.of.i32 = n;
  must(threadle_func_call(context, &item.of.func, &arg, 1, &result, 1, NULL) == NULL);
  must(result.of.i32 == n);
  return 0;
}

/* Modules: validation, imports and exports, serialisation, and other threads. */
#include <pthread.h>

#include "check.h"

static const char* text =
  "(module (import \"env\" \"f\" (func (param i32)))"
  "  (func (export \"double\") (param i32) (result i32)"
  "    (i32.mul (local.get 0) (i32.const 2)))"
  "  (memory (export \"m\") 1 5))";

static void descriptions(wasm_store_t* store) {
  wasm_module_t* module = module_of(store, text);
  wasm_importtype_vec_t imports;
  wasm_exporttype_vec_t exports;
  wasm_module_imports(module, &imports);
  CHECK(imports.size == 1);
  CHECK(is_text(wasm_importtype_module(imports.data[0]), "env"));
  CHECK(is_text(wasm_importtype_name(imports.data[0]), "f"));
  wasm_importtype_vec_delete(&imports);
  wasm_module_exports(module, &exports);
  CHECK(exports.size == 2);
  CHECK(is_text(wasm_exporttype_name(exports.data[1]), "m"));
  CHECK(wasm_memorytype_limits(wasm_externtype_as_memorytype_const(
    wasm_exporttype_type(exports.data[1])))->max == 5);
  wasm_exporttype_vec_delete(&exports);
  wasm_module_imports(NULL, &imports);
  CHECK(imports.size == 0);
  wasm_module_exports(NULL, &exports);
  CHECK(exports.size == 0);
  wasm_module_delete(module);
}

static void bad_bytes(wasm_store_t* store) {
  wasm_byte_vec_t binary, bad;
  wat(text, &binary);
  CHECK(wasm_module_validate(store, &binary));
  wasm_byte_vec_copy(&bad, &binary);
  bad.data[bad.size - 1] = 0x7f;
  CHECK(!wasm_module_validate(store, &bad) && wasm_module_new(store, &bad) == NULL);
  CHECK(wasm_module_new(store, NULL) == NULL && wasm_module_new(NULL, &binary) == NULL);
  CHECK(!wasm_module_validate(NULL, &binary) && !wasm_module_validate(store, NULL));
  wasm_byte_vec_delete(&bad);
  wasm_byte_vec_delete(&binary);
  CHECK(wasm_module_new(store, &binary) == NULL);
}

static void serialised(wasm_store_t* store) {
  wasm_module_t* module = module_of(store, text);
  wasm_module_t* again;
  wasm_byte_vec_t bytes;
  wasm_exporttype_vec_t exports;
  wasm_module_serialize(module, &bytes);
  CHECK(bytes.size > 0);
  again = wasm_module_deserialize(store, &bytes);
  CHECK(again != NULL && !wasm_module_same(module, again));
  wasm_module_exports(again, &exports);
  CHECK(exports.size == 2);
  wasm_exporttype_vec_delete(&exports);
  wasm_module_delete(again);
  bytes.data[3] ^= 1;
  CHECK(wasm_module_deserialize(store, &bytes) == NULL);
  wasm_byte_vec_delete(&bytes);
  CHECK(wasm_module_deserialize(store, &bytes) == NULL);
  wasm_module_serialize(NULL, &bytes);
  CHECK(bytes.size == 0);
  wasm_module_delete(module);
}

typedef struct {
  wasm_engine_t* engine;
  wasm_shared_module_t* module;
  int32_t number;
} task;

static wasm_trap_t* ignore(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)args;
  (void)results;
  return NULL;
}

static void* run(void* argument) {
  task* t = (task*)argument;
  wasm_store_t* store = wasm_store_new(t->engine);
  wasm_module_t* module = wasm_module_obtain(store, t->module);
  wasm_functype_t* type = wasm_functype_new_1_0(wasm_valtype_new_i32());
  wasm_func_t* func = wasm_func_new(store, type, ignore);
  wasm_extern_t* import = wasm_func_as_extern(func);
  wasm_extern_vec_t imports, exports;
  wasm_instance_t* instance;
  wasm_val_t arg = i32(t->number), result;
  wasm_val_vec_t args = vals(&arg, 1), results = vals(&result, 1);
  imports.size = 1;
  imports.data = &import;
  instance = wasm_instance_new(store, module, &imports, NULL);
  wasm_instance_exports(instance, &exports);
  CHECK(wasm_func_call(wasm_extern_as_func(exports.data[0]), &args, &results) == NULL);
  t->number = result.of.i32;
  wasm_extern_vec_delete(&exports);
  wasm_instance_delete(instance);
  wasm_func_delete(func);
  wasm_functype_delete(type);
  wasm_module_delete(module);
  wasm_store_delete(store);
  return NULL;
}

static void threads(wasm_engine_t* engine, wasm_store_t* store) {
  enum { N = 4 };
  pthread_t ids[N];
  task tasks[N];
  int i;
  wasm_module_t* module = module_of(store, text);
  wasm_shared_module_t* shared = wasm_module_share(module);
  wasm_module_delete(module);
  for (i = 0; i < N; i++) {
    tasks[i].engine = engine;
    tasks[i].module = shared;
    tasks[i].number = i + 1;
    CHECK(pthread_create(&ids[i], NULL, run, &tasks[i]) == 0);
  }
  for (i = 0; i < N; i++) {
    CHECK(pthread_join(ids[i], NULL) == 0 && tasks[i].number == 2 * (i + 1));
  }
  wasm_shared_module_delete(shared);
  wasm_shared_module_delete(NULL);
  CHECK(wasm_module_share(NULL) == NULL && wasm_module_obtain(store, NULL) == NULL);
}

static void errors(void) {
  wasm_byte_vec_t out;
  wasm_name_t message;
  wasm_frame_vec_t frames;
  int status = 5;
  threadle_error_t* error = threadle_wat2wasm("(module", 7, &out);
  CHECK(error != NULL);
  threadle_error_message(error, &message);
  CHECK(contains(&message, "expected"));
  wasm_name_delete(&message);
  CHECK(!threadle_error_exit_status(error, &status) && status == 5);
  threadle_error_wasm_trace(error, &frames);
  CHECK(frames.size == 0);
  threadle_error_delete(error);
  error = threadle_error_new("my own");
  threadle_error_message(error, &message);
  CHECK(is_text(&message, "my own"));
  wasm_name_delete(&message);
  threadle_error_delete(error);
  threadle_error_delete(NULL);
  CHECK(threadle_error_new(NULL) == NULL);
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  descriptions(store);
  bad_bytes(store);
  serialised(store);
  threads(engine, store);
  errors();
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  puts("ok");
  return 0;
}

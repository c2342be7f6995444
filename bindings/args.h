// Checked readers of JavaScript's arguments: a wrong type is an INVALID_ARGUMENT error that names the argument, and
// never a crash.
#pragma once
#include <napi.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/batch.h"
#include "places.h"

namespace dfmerge {

inline Napi::Object object_of(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) fail("INVALID_ARGUMENT", "%s: expected an object", name);
  return value.As<Napi::Object>();
}

inline double number_of(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) fail("INVALID_ARGUMENT", "%s: expected a number", name);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!std::isfinite(number)) fail("INVALID_ARGUMENT", "%s: expected a finite number", name);
  return number;
}

inline int64_t integer_of(const Napi::Value& value, const char* name) {
  const double number = number_of(value, name);
  if (!(std::abs(number) <= 9007199254740991.0) || number != std::floor(number))
    fail("INVALID_ARGUMENT", "%s: expected an integer", name);
  return static_cast<int64_t>(number);
}

inline int int_of(const Napi::Value& value, const char* name) {
  const int64_t number = integer_of(value, name);
  if (number < -2147483648LL || number > 2147483647LL)
    fail("INVALID_ARGUMENT", "%s: %lld is out of range", name, static_cast<long long>(number));
  return static_cast<int>(number);
}

inline bool boolean_of(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) fail("INVALID_ARGUMENT", "%s: expected true or false", name);
  return value.As<Napi::Boolean>().Value();
}

inline std::string string_of(const Napi::Value& value, const char* name) {
  if (!value.IsString()) fail("INVALID_ARGUMENT", "%s: expected a string", name);
  return value.As<Napi::String>().Utf8Value();
}

template <class T>
std::vector<T> typed_array_of(const Napi::Value& value, napi_typedarray_type type, const char* name,
                              const char* type_name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    fail("INVALID_ARGUMENT", "%s: expected a %s", name, type_name);
  auto array = value.As<Napi::TypedArrayOf<T>>();
  return std::vector<T>(array.Data(), array.Data() + array.ElementLength());
}
inline std::vector<int32_t> ints_of(const Napi::Value& value, const char* name) {
  return typed_array_of<int32_t>(value, napi_int32_array, name, "Int32Array");
}
inline std::vector<float> floats_of(const Napi::Value& value, const char* name) {
  return typed_array_of<float>(value, napi_float32_array, name, "Float32Array");
}
inline std::vector<double> doubles_of(const Napi::Value& value, const char* name) {
  return typed_array_of<double>(value, napi_float64_array, name, "Float64Array");
}

// Copies the ids and offsets: they are small beside the work on them, and JavaScript may change its arrays while a job
// runs.
inline Batch batch_of(const Napi::Value& value) {
  const Napi::Object object = object_of(value, "batch");
  Batch batch;
  batch.input_ids = ints_of(object.Get("inputIds"), "inputIds");
  batch.input_offsets = ints_of(object.Get("inputOffsets"), "inputOffsets");
  batch.label_ids = ints_of(object.Get("labelIds"), "labelIds");
  batch.label_offsets = ints_of(object.Get("labelOffsets"), "labelOffsets");
  batch.choice_offsets = ints_of(object.Get("choiceOffsets"), "choiceOffsets");
  return batch;
}

inline std::vector<TensorPlace> places_of(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) fail("INVALID_ARGUMENT", "%s: expected an array", name);
  const auto array = value.As<Napi::Array>();
  std::vector<TensorPlace> places;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object item = object_of(array.Get(i), name);
    places.push_back({string_of(item.Get("name"), "name"), string_of(item.Get("file"), "file"),
                      integer_of(item.Get("offset"), "offset"), parse_dtype(string_of(item.Get("dtype"), "dtype"))});
  }
  return places;
}

inline Napi::Value to_js(Napi::Env env, const std::vector<double>& values) {
  auto array = Napi::Float64Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

inline Napi::Value to_js(Napi::Env env, const std::vector<int32_t>& values) {
  auto array = Napi::Int32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

inline Napi::Value to_js(Napi::Env env, const std::vector<float>& values) {
  auto array = Napi::Float32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

}  // namespace dfmerge
